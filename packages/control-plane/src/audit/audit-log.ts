/**
 * The one writer of the record. Entries are numbered and chained in the order of `append`, and each append settles
 * after its record is durable. The chain moves on only with what the store confirmed.
 */
import { AgentboxError, type AuditEntry, type AuditRecord } from '@agentbox/protocol';
import type { AuditLog, AuditStore } from '../ports.ts';
import { type ChainHead, chainEntry, GENESIS, verifyAudit } from './chain.ts';

export interface AuditLimits {
  /** entries that wait for the store */
  readonly maxWaiting: number;
  /** records of one write */
  readonly maxBatch: number;
  /** records at the end of the chain that are verified when the log opens */
  readonly verifiedAtOpen: number;
  /** records of one `read` */
  readonly maxRead: number;
}

export const AUDIT_LIMITS: AuditLimits = { maxWaiting: 16_384, maxBatch: 1024, verifiedAtOpen: 256, maxRead: 1000 };

interface Waiting {
  readonly entry: AuditEntry;
  readonly resolve: (written: { readonly seq: number }) => void;
  readonly reject: (fault: unknown) => void;
}

/** Refuses a store whose last records do not verify: nothing is appended to a record that somebody altered. */
export async function createAuditLog(store: AuditStore, limits: AuditLimits = AUDIT_LIMITS): Promise<AuditLog> {
  return new ChainedAuditLog(store, limits, await verifiedHead(store, limits.verifiedAtOpen));
}

async function verifiedHead(store: AuditStore, count: number): Promise<ChainHead> {
  const records = await store.last(count);
  const verification = verifyAudit(records);
  if (verification.kind === 'broken') {
    throw new AgentboxError(
      'AUDIT_UNAVAILABLE',
      `the audit record is damaged at number ${verification.seq} (${verification.why}): nothing is appended to it`,
      { seq: verification.seq, why: verification.why },
    );
  }
  return verification.head ?? GENESIS;
}

class ChainedAuditLog implements AuditLog {
  readonly #store: AuditStore;
  readonly #limits: AuditLimits;
  /** null while it is not known what the store holds, after a write that failed */
  #head: ChainHead | null;
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(store: AuditStore, limits: AuditLimits, head: ChainHead) {
    this.#store = store;
    this.#limits = limits;
    this.#head = head;
  }

  append(entry: AuditEntry): Promise<{ readonly seq: number }> {
    if (this.#waiting.length >= this.#limits.maxWaiting) {
      return Promise.reject(
        new AgentboxError('OVERLOADED', `${this.#limits.maxWaiting} audit entries wait to be written already`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      if (!this.#writing) void this.#drain();
    });
  }

  read(from: number, limit: number): Promise<readonly AuditRecord[]> {
    return this.#store.read(from, Math.min(limit, this.#limits.maxRead));
  }

  last(count: number): Promise<readonly AuditRecord[]> {
    return this.#store.last(Math.min(count, this.#limits.maxRead));
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    // What arrives in the same turn shares the first write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#limits.maxBatch);
      await this.#write(batch);
    }
    this.#writing = false;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const records = chainAll(batch, this.#head ?? (await verifiedHead(this.#store, this.#limits.verifiedAtOpen)));
      this.#head = null;
      await this.#store.append(records);
      const last = records.at(-1);
      this.#head = last === undefined ? null : { seq: last.seq, hash: last.hash };
      batch.forEach(({ resolve }, index) => resolve({ seq: records[index]?.seq ?? 0 }));
    } catch (fault) {
      // The outcome may be unknown, so the head is read from the store before the next write.
      this.#head = null;
      for (const { reject } of batch) reject(fault);
    }
  }
}

function chainAll(batch: readonly Waiting[], head: ChainHead): readonly AuditRecord[] {
  const records: AuditRecord[] = [];
  let last = head;
  for (const { entry } of batch) {
    const record = chainEntry(entry, last);
    records.push(record);
    last = { seq: record.seq, hash: record.hash };
  }
  return records;
}
