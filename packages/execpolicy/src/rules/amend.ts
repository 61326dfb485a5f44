/**
 * The one line that "always" adds to a file of rules. Prefixes that would let everything through are never offered:
 * shells, interpreters, and programs that run other programs.
 */

import { evaluate, PLAIN_FACTS } from './evaluate.ts';
import { loadRules } from './load.ts';
import { baseName } from './paths.ts';
import type { Decision, Protocol } from './rule.ts';

export type Amendment =
  | { readonly kind: 'append'; readonly line: string /** to add to the end of the file */; readonly text: string }
  | { readonly kind: 'present'; readonly line: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Never alone, nor followed by an option: `python x.py` may be offered, `python` and `python -c` may not. */
const INTERPRETERS =
  /^(?:python[0-9.]*w?|py|pypy[0-9.]*|node(?:js)?|deno|bun|perl[0-9.]*|ruby[0-9.]*|php[0-9.]*|lua[0-9.]*|luajit|git|osascript|awk|gawk|mawk|sed|tclsh|Rscript|java|npx|uvx|make|find|docker|podman|kubectl|ssh)$/;
/** Never at all: what follows is a program of its own. */
const RUNNERS =
  /^(?:(?:ba|z|da|k|c|tc|fi|a)?sh|sudo|doas|su|env|xargs|nice|ionice|nohup|timeout|setsid|stdbuf|time|command|exec|eval|busybox|unshare|nsenter|chroot|setpriv|runuser|strace|ltrace|gdb|ld[-.].*|pwsh|powershell|watch|parallel|script|expect|flock|systemd-run|bwrap)(?:\.exe)?$/;

export function bannedReason(prefix: readonly string[]): string | null {
  const [program, next] = prefix;
  if (program === undefined || program === '') return 'an empty command cannot be allowed';
  const name = baseName(program) ?? program;
  if (RUNNERS.test(name)) return `${name} runs any other program, so a rule for it would allow everything`;
  if (!INTERPRETERS.test(name.replace(/\.exe$/, ''))) return null;
  if (next === undefined) return `${name} alone can do anything: allow a command with its first arguments`;
  return next.startsWith('-') ? `${name} ${next} can run any code: allow a command that names what it does` : null;
}

/** `text` is the file as it is. */
export function amendPrefix(text: string, prefix: readonly string[]): Amendment {
  const reason = bannedReason(prefix);
  if (reason !== null) return { kind: 'refused', reason };
  if (prefix.some((word) => !isPlain(word)))
    return {
      kind: 'refused',
      reason: 'a word with control characters or broken characters cannot be shown to a person',
    };
  const line = `prefix_rule(pattern=[${prefix.map((word) => JSON.stringify(word)).join(', ')}], decision="allow")`;
  const read = loadRules([{ name: 'amendment', layer: 'user', text: line }]);
  const holds = read.kind === 'loaded' && evaluate(read.policy, prefix, PLAIN_FACTS).decision === 'allow';
  return holds ? appended(text, line) : { kind: 'refused', reason: 'the rule would not match what it allows' };
}

export interface NetworkAmendment {
  readonly host: string;
  readonly protocol: Protocol;
  readonly decision: Decision;
  readonly justification: string | null;
}

export function amendNetwork(text: string, rule: NetworkAmendment): Amendment {
  const words = [rule.host, ...(rule.justification === null ? [] : [rule.justification])];
  if (!words.every(isPlain)) return { kind: 'refused', reason: 'a text with control characters cannot be shown' };
  const why = rule.justification === null ? '' : `, justification=${JSON.stringify(rule.justification)}`;
  const line = `network_rule(host=${JSON.stringify(rule.host)}, protocol="${rule.protocol}", decision="${rule.decision}"${why})`;
  const read = loadRules([{ name: 'amendment', layer: 'user', text: line }]);
  return read.kind === 'loaded' ? appended(text, line) : { kind: 'refused', reason: read.problem.message };
}

/** Nothing twice, and always on a line of its own. */
function appended(text: string, line: string): Amendment {
  if (text.split('\n').includes(line)) return { kind: 'present', line };
  return { kind: 'append', line, text: `${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n` };
}

function isPlain(word: string): boolean {
  return !/[\p{Cs}\p{Cc}]/u.test(word);
}
