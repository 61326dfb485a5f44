/** Commands that destroy without a way back, and are therefore asked about where no rule speaks of them. Pure. */
import { baseName } from '@agentbox/execpolicy';

type Words = readonly string[];

/** Basenames whose commands may be dangerous; any other is not. */
export const DANGEROUS_HEADS: Words = ['git', 'rm', 'sudo', 'doas'];

/** Programs before programs, taken off one after the other. */
const DEPTH = 8;
/** options of git that stand before its subcommand and take the next word */
const GIT_VALUES =
  /^(?:-C|-c|--git-dir|--work-tree|--namespace|--exec-path|--super-prefix|--config-env|--attr-source)$/;
const SUDO_VALUES =
  /^(?:-[A-Za-z]*[CDghpRrTtUu]|--(?:close-from|chdir|group|host|prompt|chroot|role|command-timeout|type|other-user|user))$/;

/** What is dangerous about it, or null. */
export function danger(words: Words): string | null {
  let rest = words;
  for (let depth = 0; depth < DEPTH; depth += 1) {
    const name = baseName(rest[0] ?? '');
    if (name === 'rm') return forcesRemoval(rest) ? 'rm with force removes files for good' : null;
    if (name === 'git') return discarding(rest);
    if (name !== 'sudo' && name !== 'doas') return null;
    rest = rest.slice(optionsEnd(rest, SUDO_VALUES));
  }
  return null;
}

function forcesRemoval(words: Words): boolean {
  for (const word of words.slice(1)) {
    if (word === '--') return false;
    if (/^-[A-Za-z]*f/.test(word) || /^--fo?r?c?e?$/.test(word)) return true;
  }
  return false;
}

function discarding(words: Words): string | null {
  const subcommand = words[optionsEnd(words, GIT_VALUES)];
  return subcommand === 'reset' || subcommand === 'rm'
    ? `git ${subcommand} can discard work that is not committed`
    : null;
}

/** Where the options behind the first word end; assignments of variables go with them. */
function optionsEnd(words: Words, withValue: RegExp): number {
  let at = 1;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') return at + 1;
    if (withValue.test(word)) at += 1;
    else if (!word.startsWith('-') && !/^\w+=/.test(word)) break;
  }
  return at;
}
