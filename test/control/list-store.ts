/** A store of the record in memory whose writes can be made to fail. It passes the suite of the real one. */
import type { AuditStore } from '@agentbox/control-plane';
import { AgentboxError, type AuditRecord } from '@agentbox/protocol';

export interface ListStore extends AuditStore {
  readonly records: AuditRecord[];
  readonly batches: number[];
  /** what becomes of the next writes: stored and confirmed, refused, or stored although it is said to have failed */
  next: 'ok' | 'refused' | 'unknown';
}

export function listStore(): ListStore {
  const records: AuditRecord[] = [];
  return {
    records,
    batches: [],
    next: 'ok',
    async append(batch) {
      this.batches.push(batch.length);
      await Promise.resolve();
      const taken = new Set(records.map(({ seq }) => seq));
      if (batch.some(({ seq }) => taken.has(seq))) throw new AgentboxError('INTERNAL', 'a number is taken');
      if (this.next !== 'refused') records.push(...batch);
      if (this.next !== 'ok') throw new AgentboxError('DISK_FULL', this.next);
    },
    last: (count) => Promise.resolve(records.slice(-count)),
    read: (from, limit) => Promise.resolve(records.filter(({ seq }) => seq >= from).slice(0, limit)),
  };
}
