/** Opens every store of one database and closes them together. */
import { Emitter, type Signal } from '@agentbox/base';
import { createAuditLog, type Stores } from '@agentbox/control-plane';
import type { AgentboxError } from '@agentbox/protocol';
import { Kysely } from 'kysely';
import { Channel } from './sqlite/channel.ts';
import { workerDialect } from './sqlite/dialect.ts';
import { QUEUE_LIMITS, type QueueLimits, WorkQueue } from './sqlite/work-queue.ts';
import { createAuditStore } from './stores/audit-store.ts';
import { createPrincipalStore } from './stores/principal-store.ts';
import { createQuestionStore } from './stores/question-store.ts';
import { createSessionStore } from './stores/session-store.ts';
import type { Tables } from './stores/tables.ts';

export interface SqliteOptions {
  readonly kind: 'sqlite';
  /** of the database file; its folder is made when it is missing */
  readonly path: string;
  /** the worker of a bundle; the source beside this file when it is left out */
  readonly workerEntry?: URL;
  readonly queue?: Partial<QueueLimits>;
  /** ms since the epoch */
  readonly clock: () => number;
}

export type StorageState =
  | { readonly kind: 'open' }
  /** the worker died: everything is refused until the server starts anew */
  | { readonly kind: 'failed'; readonly fault: AgentboxError };

export interface OpenedStores extends Stores {
  state(): StorageState;
  /** fires once, when the database cannot be used any more */
  readonly failed: Signal<AgentboxError>;
}

/**
 * Rejects with AgentboxError: ALREADY_RUNNING, DISK_FULL, STORAGE_UNAVAILABLE (damaged, foreign or newer file; it is left
 * as it was), AUDIT_UNAVAILABLE (the end of the record does not verify).
 */
export async function openStores(options: SqliteOptions): Promise<OpenedStores> {
  await using stack = new AsyncDisposableStack();
  const entry = options.workerEntry ?? new URL('./sqlite/worker.ts', import.meta.url);
  const failed = new Emitter<AgentboxError>();
  let state: StorageState = { kind: 'open' };
  // The first death counts: what follows is its echo.
  const onDeath = (fault: AgentboxError): void => {
    if (state.kind === 'failed') return;
    state = { kind: 'failed', fault };
    failed.emit(fault);
  };
  const setup = { path: options.path, now: options.clock() };
  const limits = { ...QUEUE_LIMITS, ...options.queue };
  const channel = stack.use(await Channel.open(entry, setup, onDeath));
  const writer = new WorkQueue(channel, 'write', limits);
  const reader = new WorkQueue(channel, 'read', limits);
  stack.defer(async () => void (await Promise.all([writer.close(), reader.close()])));
  const db = new Kysely<Tables>({ dialect: workerDialect({ writer, reader }) });
  const auditStore = createAuditStore(db, async (sql, runs) => {
    await writer.run({ statements: [{ sql, runs }] });
  });
  const audit = await createAuditLog(auditStore);
  const kept = stack.move();
  return {
    audit,
    principals: createPrincipalStore(db),
    sessions: createSessionStore(db),
    questions: createQuestionStore(db),
    state: () => state,
    failed,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
