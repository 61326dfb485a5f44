/**
 * What a case of the attack list is: a row that says what is tried and how it is judged, and the function that tries it.
 * A verdict comes from an oracle (a canary file, listener, process or value), never from the text of an error.
 */
import type { Site } from './place/site.ts';

/**
 * `broken`: the attempt itself could not be made, which proves nothing and counts as a failure. `reported`: a copy of a
 * forbidden program ran, which rules by name do not promise to stop; `no_exec_from_writable` does.
 */
export const VERDICTS = ['held', 'leaked', 'reported', 'not applicable', 'broken'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One way of trying it. */
export interface Try {
  readonly name: string;
  readonly verdict: Verdict;
  /** what the oracle saw, or why it does not apply */
  readonly text: string;
}

export type Group = 'A' | 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'K';

export const GROUPS: Readonly<Record<Group, string>> = {
  A: 'Files',
  B: 'Privileges and kernel',
  C: 'Processes and IPC',
  D: 'Network',
  E: 'Resources',
  F: 'Secrets',
  G: 'Programs',
  K: 'Control plane',
};

export interface AttackCase {
  /** the letter of its group and its number in the list, such as `A1` */
  readonly id: string;
  readonly title: string;
  /** by what a leak is known */
  readonly oracle: string;
  /** what the operator does about a leak */
  readonly mend: string;
  readonly attempt: (site: Site) => Promise<readonly Try[]>;
}

export interface CaseResult {
  readonly id: string;
  readonly group: Group;
  readonly title: string;
  readonly oracle: string;
  readonly mend: string;
  readonly verdict: Verdict;
  readonly text: string;
  readonly tries: readonly Try[];
  /** how long it took, in `ms` */
  readonly tookMs: number;
}

export const groupOf = (id: string): Group => {
  const letter = id.slice(0, 1);
  for (const group of ['A', 'B', 'C', 'D', 'E', 'F', 'G'] as const) if (group === letter) return group;
  return 'K';
};

export const held = (name: string, text: string): Try => ({ name, verdict: 'held', text });
export const leaked = (name: string, text: string): Try => ({ name, verdict: 'leaked', text });
export const inapplicable = (name: string, text: string): Try => ({ name, verdict: 'not applicable', text });
export const broken = (name: string, text: string): Try => ({ name, verdict: 'broken', text });
export const judged = (name: string, isLeak: boolean, leak: string, hold: string): Try =>
  isLeak ? leaked(name, leak) : held(name, hold);

/** The worst of all tries: a leak before a broken one, and only what nothing applies to is not applicable. */
export function verdictOf(tries: readonly Try[]): Verdict {
  for (const verdict of ['leaked', 'broken', 'reported', 'held'] as const)
    if (tries.some((one) => one.verdict === verdict)) return verdict;
  return tries.length === 0 ? 'broken' : 'not applicable';
}

const SUMMARY_CHARS = 110;

const shortened = (text: string): string =>
  text.length <= SUMMARY_CHARS ? text : `${text.slice(0, SUMMARY_CHARS - 1)}…`;

export function summaryOf(tries: readonly Try[], verdict: Verdict): string {
  const same = tries.filter((one) => one.verdict === verdict);
  const texts = [...new Set(same.map((one) => (tries.length === 1 ? one.text : `${one.name}: ${one.text}`)))];
  if (texts.length === 0) return 'nothing was tried';
  const more = texts.length > 2 ? ` and ${texts.length - 2} more` : '';
  return `${texts.slice(0, 2).map(shortened).join('; ')}${more}`;
}
