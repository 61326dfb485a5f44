/** What is wrong with a rule file: where, what, and what to do about it. */

/** Both count from 1; a column is a UTF-16 unit. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface RulesProblem extends Position {
  readonly file: string;
  readonly message: string;
  /** the next step of whoever wrote the file */
  readonly hint: string;
}

/** Unwinds the reading of one file. It never leaves this room: readRules turns it into a RulesProblem. */
export class RulesFault extends Error {
  override readonly name = 'RulesFault';
  readonly hint: string;
  /** null where the interpreter knows better than the operation that failed */
  readonly at: Position | null;

  constructor(message: string, hint: string, at: Position | null = null) {
    super(message);
    this.hint = hint;
    this.at = at;
  }
}

export function problemText(problem: RulesProblem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
}
