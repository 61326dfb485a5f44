/**
 * What the operator may do from the command line beside running tools: read the record, replace the token, and give
 * tokens to others. The running server does it through its control socket; without one the command does it on the stores itself.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { AuditLog, Principals } from '@agentbox/control-plane';
import { type AuditEntry, type AuditKind, type AuditRecord, OPERATOR } from '@agentbox/protocol';
import { type Callers, createCallers } from './callers.ts';

export interface Operator extends Callers {
  /** replaces every token of the operator, in the store, in the token file and in what the server remembers */
  rotateToken(): Promise<string>;
  readAudit(from: number, limit: number): Promise<readonly AuditRecord[]>;
  lastAudit(count: number): Promise<readonly AuditRecord[]>;
}

export interface OperatorDeps {
  readonly audit: AuditLog;
  readonly principals: Principals;
  readonly tokenFile: string;
  readonly clock: () => number;
  /** told of a new token, so that the caller needs no file */
  readonly rotated?: (token: string) => void;
}

/** records of one answer */
const AUDIT_PAGE = 500;

export function createOperator(deps: OperatorDeps): Operator {
  return {
    ...createCallers(deps),
    rotateToken: () => rotateToken(deps),
    readAudit: (from, limit) => deps.audit.read(from, Math.min(limit, AUDIT_PAGE)),
    lastAudit: (count) => deps.audit.last(Math.min(count, AUDIT_PAGE)),
  };
}

async function rotateToken(deps: OperatorDeps): Promise<string> {
  // The record comes before the effect: a rotation that cannot be written does not happen.
  await record(deps, 'token.revoked', { why: 'rotated' });
  return issueToken(deps);
}

/** In the place of all older ones. */
async function issueToken(deps: OperatorDeps): Promise<string> {
  const issued = await deps.principals.rotate(OPERATOR);
  writeToken(deps.tokenFile, issued.token);
  deps.rotated?.(issued.token);
  await record(deps, 'token.created', { token: issued.tokenId });
  return issued.token;
}

async function record(deps: OperatorDeps, kind: AuditKind, detail: AuditEntry['detail']): Promise<void> {
  const at = deps.clock();
  await deps.audit.append({ at, kind, principal: OPERATOR, trace: null, subject: 'operator', outcome: 'ok', detail });
}

/**
 * The token in the file when the store still knows it, else a new one: a lost file or a lost database heals itself, and
 * so does a rotation that was cut between the two.
 */
export async function ensureOperatorToken(deps: OperatorDeps): Promise<string> {
  const standing = readOperatorToken(deps.tokenFile);
  if (standing === undefined) return issueToken(deps);
  return 'principal' in (await deps.principals.verify(standing)) ? standing : rotateToken(deps);
}

export function readOperatorToken(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
}

function writeToken(file: string, token: string): void {
  writeFileSync(`${file}.new`, `${token}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
