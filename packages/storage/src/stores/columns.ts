/** What a column holds, parsed again when it is read: a value that its parser refuses means a damaged row. */
import {
  AgentboxError,
  type PrincipalId,
  parsePrincipalId,
  parseScope,
  parseSessionId,
  parseTraceId,
  type Question,
  questionSchema,
  type Scope,
  type SessionId,
  type TraceId,
} from '@agentbox/protocol';

function parsed<T>(value: T | undefined, column: string): T {
  if (value !== undefined) return value;
  throw new AgentboxError('STORAGE_UNAVAILABLE', `a row holds a ${column} that is none`, { column });
}

export const principalColumn = (text: string): PrincipalId => parsed(parsePrincipalId(text), 'principal');
export const sessionColumn = (text: string): SessionId => parsed(parseSessionId(text), 'session');
export const traceColumn = (text: string): TraceId => parsed(parseTraceId(text), 'trace');

function parseJson(text: string, column: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parsed(undefined, column);
  }
}

/** A scope that this version does not know gives no right. */
export function scopesColumn(text: string): readonly Scope[] {
  const list = parseJson(text, 'scopes');
  const names: readonly unknown[] = parsed(Array.isArray(list) ? list : undefined, 'scopes');
  return names.map((name) => parseScope(String(name))).filter((scope) => scope !== undefined);
}

export function detailColumn(text: string): Readonly<Record<string, unknown>> {
  const detail = parseJson(text, 'detail');
  return parsed(isRecord(detail) ? detail : undefined, 'detail');
}

/** A row of its own columns: facts and proposal are JSON in them. */
export function questionColumn(
  row: Readonly<Record<string, unknown>> & { readonly facts: string; readonly proposal: string | null },
): Question {
  const facts = parseJson(row.facts, 'facts');
  const proposal = row.proposal === null ? null : parseJson(row.proposal, 'proposal');
  return parsed(questionSchema.safeParse({ ...row, facts, proposal }).data, 'question');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
