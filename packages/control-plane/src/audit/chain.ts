/** The hash chain of the record: each hash covers its entry, its number and the hash before it. Pure. */
import { hash } from 'node:crypto';
import type { AuditEntry, AuditRecord } from '@agentbox/protocol';
import { canonicalJson } from './canonical.ts';

/** Where the chain stands: the number and hash of its last record. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** The head of an empty record. */
export const GENESIS: ChainHead = { seq: 0, hash: '0'.repeat(64) };

function hashOf(entry: AuditEntry, seq: number, prev: string): string {
  const { at, kind, principal, trace, subject, outcome, detail } = entry;
  return hash('sha256', canonicalJson({ at, kind, principal, trace, subject, outcome, detail, seq, prev }));
}

export function chainEntry(entry: AuditEntry, head: ChainHead): AuditRecord {
  const { at, kind, principal, trace, outcome, detail } = entry;
  // Half a surrogate pair, as a caller may send it, is replaced by every database, and the hash would not fit.
  const storable = { at, kind, principal, trace, subject: entry.subject.toWellFormed(), outcome, detail };
  const seq = head.seq + 1;
  return { ...storable, seq, prev: head.hash, hash: hashOf(storable, seq, head.hash) };
}

export type Verification =
  | { readonly kind: 'intact'; readonly records: number; readonly head: ChainHead | null }
  | { readonly kind: 'broken'; readonly seq: number; readonly why: 'gap' | 'link' | 'content' };

/**
 * Checks that `records` follow one another, from `after` on or, when it is null, from wherever the first one stands.
 * `seq` of the answer is the number at which the first flaw shows.
 */
export function verifyAudit(records: readonly AuditRecord[], after: ChainHead | null = null): Verification {
  let head = after;
  for (const record of records) {
    if (head !== null && record.seq !== head.seq + 1) return { kind: 'broken', seq: head.seq + 1, why: 'gap' };
    if (head !== null && record.prev !== head.hash) return { kind: 'broken', seq: record.seq, why: 'link' };
    if (record.hash !== hashOf(record, record.seq, record.prev)) {
      return { kind: 'broken', seq: record.seq, why: 'content' };
    }
    head = { seq: record.seq, hash: record.hash };
  }
  return { kind: 'intact', records: records.length, head };
}
