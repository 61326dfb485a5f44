/** One line of the doctor: what was looked at, what was found, and the fix when it is not well. */
export interface Finding {
  readonly name: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly text: string;
  readonly fix: string | null;
  /** more of it, under a word each */
  readonly details?: Readonly<Record<string, readonly string[]>>;
}

/** What belongs together, under one heading. */
export interface Section {
  readonly title: string;
  readonly findings: readonly Finding[];
}

export const ok = (name: string, text: string): Finding => ({ name, verdict: 'ok', text, fix: null });
export const warn = (name: string, text: string, fix: string): Finding => ({ name, verdict: 'warn', text, fix });
export const fail = (name: string, text: string, fix: string): Finding => ({ name, verdict: 'fail', text, fix });

/** How bad a lack is depends on who needs it. */
export type Bad = typeof warn;

export const causeOf = (fault: unknown): string =>
  (fault instanceof Error ? fault.message : String(fault)).split('\n')[0] ?? '';
