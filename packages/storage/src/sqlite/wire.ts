/**
 * What is said between the stores and their database worker. One reply for each request, by its id. It travels as JSON
 * text, which costs both threads less than a copy of every object.
 */
import type { Detail, ErrorCode } from '@agentbox/protocol';

export type SqlValue = string | number | null;
export type SqlRow = Readonly<Record<string, unknown>>;

/** One text, run once for each list of values. */
export interface Statement {
  readonly sql: string;
  readonly runs: readonly (readonly SqlValue[])[];
}

/** Takes effect whole or not at all. */
export interface Unit {
  readonly statements: readonly Statement[];
}

/** `rows` are those of the last run. */
export interface StatementResult {
  readonly rows: readonly SqlRow[];
  readonly changes: number;
}

/** `fatal`: what the disk holds is not known any more, so the worker ends. */
export interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: Detail;
  readonly fatal: boolean;
}

export type UnitResult =
  | { readonly kind: 'done'; readonly results: readonly StatementResult[] }
  | { readonly kind: 'failed'; readonly fault: Fault };

export interface WorkerSetup {
  readonly path: string;
  /** ms since the epoch, for the list of migrations */
  readonly now: number;
}

export type Question =
  /** all units in one transaction; each unit still succeeds or fails alone */
  | { readonly kind: 'write'; readonly units: readonly Unit[] }
  /** sees what is committed, also while a transaction is open */
  | { readonly kind: 'read'; readonly units: readonly Unit[] }
  | { readonly kind: 'begin' }
  | { readonly kind: 'execute'; readonly unit: Unit }
  | { readonly kind: 'commit' }
  | { readonly kind: 'rollback' }
  | { readonly kind: 'close' };

/** What the other thread is told; both ends are of one version. */
export const toWire = (message: Request | Reply): string => JSON.stringify(message);

export function parseRequest(text: string): Request {
  return JSON.parse(text) as Request;
}

export function parseReply(text: string): Reply {
  return JSON.parse(text) as Reply;
}

export interface Request {
  readonly id: number;
  readonly question: Question;
}

/** `results` has one entry for each unit asked. */
export type Answer =
  | { readonly kind: 'done'; readonly results: readonly UnitResult[] }
  | { readonly kind: 'failed'; readonly fault: Fault };

/** Id 0 answers the setup: the worker is open, or why not. */
export interface Reply {
  readonly id: number;
  readonly answer: Answer;
}
