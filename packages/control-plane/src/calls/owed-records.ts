/**
 * Records of effects that happened while the record could not be written. They are written, in order, before the next
 * call may start; while any is owed nothing starts.
 */
import { AgentboxError, type AuditEntry } from '@agentbox/protocol';
import type { AuditLog } from '../ports.ts';

export class OwedRecords {
  readonly #audit: AuditLog;
  readonly #limit: number;
  readonly #owed: AuditEntry[] = [];
  #paying: Promise<void> | null = null;

  constructor(audit: AuditLog, limit: number) {
    this.#audit = audit;
    this.#limit = limit;
  }

  get size(): number {
    return this.#owed.length;
  }

  /** false when there is no room: running calls are bounded below it, so that this says a bug */
  add(entry: AuditEntry): boolean {
    if (this.#owed.length >= this.#limit) return false;
    this.#owed.push(entry);
    return true;
  }

  /** settles when nothing is owed; rejects while the record still cannot be written */
  settle(): Promise<void> {
    if (this.#owed.length === 0) return Promise.resolve();
    this.#paying ??= this.#pay().finally(() => {
      this.#paying = null;
    });
    return this.#paying;
  }

  async #pay(): Promise<void> {
    for (let entry = this.#owed[0]; entry !== undefined; entry = this.#owed[0]) {
      try {
        await this.#audit.append(entry);
      } catch (cause) {
        throw new AgentboxError('AUDIT_UNAVAILABLE', `${this.#owed.length} records are owed`, {}, { cause });
      }
      this.#owed.shift();
    }
  }
}
