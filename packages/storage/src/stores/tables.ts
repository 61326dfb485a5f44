/** The tables as the queries see them, in the subset that SQLite and PostgreSQL share: text ids, epoch ms, JSON as text. */
import type { AuditEntry } from '@agentbox/protocol';

export interface Tables {
  readonly principals: {
    readonly id: string;
    readonly name: string;
    readonly scopes: string;
    readonly created_at: number;
    readonly disabled_at: number | null;
  };
  readonly tokens: {
    readonly id: string;
    readonly principal: string;
    readonly hash: string;
    readonly created_at: number;
    readonly expires_at: number | null;
    readonly revoked_at: number | null;
  };
  readonly sessions: {
    readonly session: string;
    readonly principal: string;
    readonly tool: string;
    readonly command: string;
    readonly cwd: string;
    readonly opened_at: number;
    readonly closed_at: number | null;
    readonly exit_code: number | null;
  };
  readonly audit: {
    readonly seq: number;
    readonly at: number;
    readonly kind: AuditEntry['kind'];
    readonly principal: string | null;
    readonly trace: string | null;
    readonly subject: string;
    readonly outcome: AuditEntry['outcome'];
    readonly detail: string;
    readonly prev: string;
    readonly hash: string;
  };
  readonly questions: {
    readonly id: string;
    readonly kind: string;
    readonly session: string;
    readonly asked_by: string;
    readonly asked_at: number;
    readonly expires_at: number;
    readonly facts: string;
    readonly binds_to: string;
    readonly proposal: string | null;
    readonly state: string;
    readonly decision: string | null;
    readonly answered_by: string | null;
    readonly answered_at: number | null;
    readonly face: string | null;
    readonly note: string | null;
    readonly delivery: string;
  };
}
