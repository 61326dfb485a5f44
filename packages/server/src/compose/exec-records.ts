/**
 * Copies the box's log of programs into the record, in order and at most once: the box keeps an entry until it is
 * acknowledged, and after a crash the record itself says how far it got.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Redactor, unreachable } from '@agentbox/base';
import type { AuditLog, ReportFault } from '@agentbox/control-plane';
import type { AuditEntry, Box, ExecEntry } from '@agentbox/protocol';

export interface ExecRecordsParts {
  readonly box: Pick<Box, 'execs' | 'acknowledgeExecs' | 'watch'>;
  readonly audit: AuditLog;
  /** what must not stand in the record, not even as an argument of a program */
  readonly redactor: () => Redactor;
  readonly reportFault: ReportFault;
}

const BATCH = 200;
/** records searched for the place where a crash interrupted the copying */
const SEARCHED = 5000;
const RETRY_MS = 2000;
/** each look makes the box write to its disk: a busy session is looked at in turns, not for each of its programs */
const PACE_MS = 100;

export class ExecRecords {
  readonly #parts: ExecRecordsParts;
  #copied = 0;
  /** of the batch that is under way, when the record took a part of it only */
  readonly #taken = new Set<number>();
  #hasGrown = false;
  #running: Promise<void> | null = null;
  #ended = false;
  #retry: NodeJS.Timeout | null = null;
  #watch: { close(): void } | null = null;

  constructor(parts: ExecRecordsParts) {
    this.#parts = parts;
  }

  /** From now on, beside everything else: a server serves before the record has caught up. */
  start(): void {
    this.#running = this.#catchUp().finally(() => void (this.#running = null));
  }

  async #catchUp(): Promise<void> {
    const { box, audit } = this.#parts;
    try {
      const last = (await audit.last(SEARCHED)).toReversed().find(({ detail }) => typeof detail['exec'] === 'number');
      const number = last?.detail['exec'];
      this.#copied = typeof number === 'number' ? number : 0;
      this.#watch ??= await box.watch(0, (event) => {
        if (event.kind === 'execs') this.grown();
      });
      if (this.#ended) this.#watch.close();
    } catch (fault) {
      this.#failed(fault, () => this.start());
      return;
    }
    await this.#copy();
  }

  grown(): void {
    this.#hasGrown = true;
    this.#running ??= this.#copy().finally(() => void (this.#running = null));
  }

  async #copy(): Promise<void> {
    const { box } = this.#parts;
    try {
      while (!this.#ended) {
        this.#hasGrown = false;
        const { entries, last } = await box.execs(this.#copied, BATCH);
        // A box whose log was begun anew counts from the start again.
        if (last < this.#copied) this.#copied = 0;
        const end = entries.at(-1)?.number;
        if (end === undefined && !this.#hasGrown) return;
        if (end === undefined) continue;
        await this.#record(entries);
        this.#copied = end;
        await box.acknowledgeExecs(end);
        if (entries.length < BATCH) await sleep(PACE_MS);
      }
    } catch (fault) {
      this.#failed(fault, () => this.grown());
    }
  }

  #failed(fault: unknown, again: () => void): void {
    if (this.#ended) return;
    this.#parts.reportFault('the log of programs could not be recorded', {}, fault);
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      again();
    }, RETRY_MS).unref();
  }

  /** Rejects when the record did not take all of it: what it took is not brought again. */
  async #record(entries: readonly ExecEntry[]): Promise<void> {
    const { audit, redactor } = this.#parts;
    const secrets = redactor();
    const left = entries.filter(({ number }) => !this.#taken.has(number));
    const settled = await Promise.allSettled(
      left.map(async (entry) => {
        await audit.append(recordOf(secrets.data(entry)));
        this.#taken.add(entry.number);
      }),
    );
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    this.#taken.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#watch?.close();
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#running;
  }
}

function recordOf({ number, at, session, owner, what }: ExecEntry): AuditEntry {
  const { kind: _kind, ...facts } = what;
  const entry = { at, principal: owner, trace: null, subject: session, detail: { exec: number, ...facts } };
  switch (what.kind) {
    case 'exec':
      return { ...entry, kind: 'exec.decided', outcome: what.decision === 'deny' ? 'refused' : 'ok' };
    case 'escalated-end':
      return { ...entry, kind: 'exec.escalated-end', outcome: what.code === 0 ? 'ok' : 'failed' };
    case 'egress':
      return { ...entry, kind: 'egress.decided', outcome: what.decision === 'allow' ? 'ok' : 'refused' };
    case 'dropped':
      return { ...entry, kind: 'exec.dropped', outcome: 'failed' };
    default:
      return unreachable(what);
  }
}
