/**
 * The ways in which most cases are tried. A script inside says `TRIED` when it came to its attempt and `LEAK what` for
 * what it alone can see; everything else is judged from outside.
 */
import { broken, held, inapplicable, judged, leaked, type Try } from './attack-case.ts';
import type { Answer, ShellOptions } from './door-client.ts';
import type { Site } from './place/site.ts';

export interface Scripted {
  readonly name: string;
  readonly cmd: string;
  /** programs that it needs inside, all of them */
  readonly needs?: readonly string[];
  readonly options?: ShellOptions;
  /** a leak that shows outside, or in what was printed; null when there is none */
  readonly seen?: (answer: Answer) => string | null;
}

export async function tryScript(site: Site, script: Scripted): Promise<Try> {
  const missing = (script.needs ?? []).filter((tool) => !site.tools.has(tool));
  if (missing.length > 0) return inapplicable(script.name, `needs ${missing.join(', ')} inside`);
  const answer = await site.client().shell(script.cmd, script.options);
  const seen = script.seen?.(answer) ?? null;
  if (seen !== null) return leaked(script.name, seen);
  const said = [...answer.output.matchAll(/^LEAK ?(.*)$/gm)].map(([, what]) => (what ?? '').trim());
  if (said.length > 0) return leaked(script.name, [...new Set(said)].slice(0, 8).join(', '));
  const reason = /^NA (.*)$/m.exec(answer.output)?.[1];
  if (reason !== undefined) return inapplicable(script.name, reason.trim());
  if (/^TRIED/m.test(answer.output)) return held(script.name, /^TRIED (.+)$/m.exec(answer.output)?.[1] ?? 'nothing');
  return /Execution denied|EXEC_DENIED/.test(answer.text)
    ? held(script.name, 'the rules refused the program that tries it')
    : broken(script.name, `it never came to its attempt: ${shortOf(answer)}`);
}

export async function tryScripts(site: Site, scripts: readonly Scripted[]): Promise<readonly Try[]> {
  const tries: Try[] = [];
  for (const script of scripts) tries.push(await tryScript(site, script));
  return tries;
}

/** A script of the payload folder, run by one of the interpreters that it is written for. */
export function payload(interpreter: string, file: string, ...args: readonly (string | number)[]): string {
  return `${interpreter} probe/${file} ${args.map((arg) => quoted(String(arg))).join(' ')}`.trimEnd();
}

export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export const holds = (text: string) => (answer: Answer) => (answer.output.includes(text) ? 'it was read' : null);

export function shortOf(answer: Answer): string {
  const text = answer.output === '' ? answer.text : answer.output;
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line === '' ? `no answer (HTTP ${answer.status})` : line.slice(-160);
}

/** What is true outside after a try. */
export function judgedOutside(name: string, isLeak: boolean, leak: string): Try {
  return judged(name, isLeak, leak, 'nothing of it arrived outside');
}
