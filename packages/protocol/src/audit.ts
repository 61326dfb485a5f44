/** The record: one append-only list of what was asked, decided and done. Shapes only; control-plane/audit writes it. */
import type { PrincipalId, TraceId } from './ids.ts';

/** Every kind of record there is. A new effect needs a new kind here first. */
export const AUDIT_KINDS = [
  'server.started',
  'server.stopped',
  'box.started',
  'box.lost',
  'door.refused',
  'session.opened',
  'session.closed',
  'call.started',
  'call.finished',
  'call.refused',
  'token.created',
  'token.revoked',
  'setting.weaker',
  'exec.decided',
  'exec.escalated-end',
  'exec.dropped',
  'egress.decided',
  'question.opened',
  'question.answered',
  'policy.changed',
  'policy.broken',
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** What the writer is given. `detail` is redacted before it comes here. */
export interface AuditEntry {
  readonly at: number;
  readonly kind: AuditKind;
  readonly principal: PrincipalId | null;
  readonly trace: TraceId | null;
  /** what it is about: a tool name, a session id, a route */
  readonly subject: string;
  readonly outcome: 'ok' | 'refused' | 'failed' | 'waiting' | 'running' | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What is stored: `hash` covers the entry, `seq` and `prev`, so that a missing or changed record shows. */
export interface AuditRecord extends AuditEntry {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
}
