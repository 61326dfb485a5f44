/**
 * Programs that are other programs as well: a multi-call binary is its applet, a loader is the file it loads. Gives the
 * words under which such a program is judged besides its own. Pure: what a name leads to is not looked up.
 */
import { baseName, splitWords } from '@agentbox/execpolicy';
import { GIT_NAMES, LOADER_NAMES, MULTI_CALL_NAMES } from './wrapper-names.ts';

type Words = readonly string[];

/** Wrappings inside each other that are taken off. */
const DEPTH = 8;
/** Commands of one shell line that are looked at. */
const SHELL_COMMANDS = 64;

const LOADER_VALUES = /^--(?:preload|library-path|inhibit-rpath|audit|argv0|glibc-hwcaps-prepend|glibc-hwcaps-mask)$/;
const SHELL_APPLET = /^(?:sh|ash|bash|hush|toysh)$/;

const isMultiCall = (name: string): boolean => MULTI_CALL_NAMES.has(name);
export const isLoader = (name: string): boolean => LOADER_NAMES.has(name);
/** unwrapped() finds something in no other. */
export const isWrapper = (name: string): boolean => isMultiCall(name) || isLoader(name) || GIT_NAMES.has(name);

/** `name` is that of the image; each result is nearer to what runs in the end. */
export function unwrapped(name: string, argv: Words): readonly Words[] {
  const found: Words[] = [];
  let [image, words] = [name, argv];
  for (let depth = 0; depth < DEPTH; depth += 1) {
    if (GIT_NAMES.has(image)) found.push(...subcommands(image, words));
    const next = isLoader(image) ? loaded(words) : isMultiCall(image) ? applet(words) : null;
    if (next === null) break;
    found.push(next);
    if (isMultiCall(image)) found.push(...shellCommands(next));
    image = baseName(next[0] ?? '') ?? '';
    words = next;
  }
  return found;
}

/** The file that a loader is told to run, with its arguments. */
function loaded(argv: Words): Words | null {
  let at = 1;
  for (; argv[at]?.startsWith('-') === true; at += 1) {
    if (argv[at] === '--') return at + 1 < argv.length ? argv.slice(at + 1) : null;
    if (LOADER_VALUES.test(argv[at] ?? '')) at += 1;
  }
  return at < argv.length ? argv.slice(at) : null;
}

/** A multi-call binary goes by the name it was called by; called by its own, by its first argument. */
function applet(argv: Words): Words | null {
  const called = (baseName(argv[0] ?? '') ?? '').replace(/^-/, '');
  if (!/^(?:busybox|toybox|coreutils$)/.test(called)) return [called, ...argv.slice(1)];
  const [, first = '', ...rest] = argv;
  const program = /^--coreutils-prog(-shebang)?=(.*)$/.exec(first);
  if (program !== null) return [program[2] ?? '', ...(program[1] === undefined ? rest : rest.slice(1))];
  return first === '' ? null : [baseName(first) ?? first, ...rest];
}

function subcommands(image: string, argv: Words): readonly Words[] {
  const called = [image, baseName(argv[0] ?? '') ?? ''].filter((name) => name.startsWith('git-'));
  return [...new Set(called)].map((name) => ['git', name.slice('git-'.length), ...argv.slice(1)]);
}

/** A shell in a multi-call binary may run its other applets without a program's start that anybody sees. */
function shellCommands(words: Words): readonly Words[] {
  if (!SHELL_APPLET.test(words[0] ?? '')) return [];
  const at = words.findIndex((word, index) => index > 0 && /^-[a-z]*c[a-z]*$/.test(word));
  const line = at === -1 ? undefined : words[at + 1];
  if (line === undefined) return [];
  return line
    .split(/[;&|\n(){}`]+/)
    .slice(0, SHELL_COMMANDS)
    .flatMap((part) => {
      const command = splitWords(part) ?? part.trim().split(/\s+/);
      return command.length === 0 || command[0] === '' ? [] : [command];
    });
}
