/** What is printed: byte for byte what Codex prints, with our notes on lines of their own after it. */
import type { PatchSyntaxError } from './patch.ts';
import type { FileReport, Plan } from './plan.ts';

export interface Printed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Codex knows three letters: an overwriting Add is an A, and a move is an M under its new name. */
const LETTERS: Readonly<Record<FileReport['change'], 'A' | 'M' | 'D'>> = {
  added: 'A',
  overwritten: 'A',
  modified: 'M',
  unchanged: 'M',
  moved: 'M',
  deleted: 'D',
};

export function syntaxErrorText(error: PatchSyntaxError): string {
  return error.line === null
    ? `Invalid patch: ${error.message}`
    : `Invalid patch hunk on line ${error.line}: ${error.message}`;
}

export function printFailure(message: string): Printed {
  return { exitCode: 1, stdout: '', stderr: `${message}\n` };
}

/** Grouped by letter, in the order of the patch within each, as Codex does. */
export function printPlan(plan: Plan): Printed {
  if (plan.failure !== null) return printFailure(plan.failure.message);
  const rows = (['A', 'M', 'D'] as const).flatMap((letter) =>
    plan.files.filter((file) => LETTERS[file.change] === letter).map((file) => `${letter} ${file.path}\n`),
  );
  const notes = plan.notes.filter((note) => note.printed).map((note) => `note: ${note.path}: ${note.text}\n`);
  return { exitCode: 0, stdout: ['Success. Updated the following files:\n', ...rows, ...notes].join(''), stderr: '' };
}
