/**
 * The bounded queue of writes, or of reads, before the database worker. What is queued while a batch is on its way goes together in the next one:
 * that is the group commit. A lease takes the worker for one interactive transaction.
 */
import { AgentboxError } from '@agentbox/protocol';
import { type Channel, errorOf } from './channel.ts';
import type { StatementResult, Unit } from './wire.ts';

export interface QueueLimits {
  /** units and transactions that wait */
  readonly maxWaiting: number;
  /** units of one batch */
  readonly maxBatch: number;
  /** an interactive transaction is rolled back after this many ms, because everybody waits for it */
  readonly leaseMs: number;
}

export const QUEUE_LIMITS: QueueLimits = { maxWaiting: 16_384, maxBatch: 2048, leaseMs: 10_000 };

/** `reject` also hears when the worker died and nobody knows whether the unit took effect. */
interface WaitingUnit {
  readonly kind: 'unit';
  readonly unit: Unit;
  readonly resolve: (results: readonly StatementResult[]) => void;
  readonly reject: (fault: unknown) => void;
}

interface WaitingLease {
  readonly kind: 'lease';
  readonly resolve: (lease: Lease) => void;
  readonly reject: (fault: unknown) => void;
}

/** The worker, for one transaction. Ends by `commit` or `rollback`, or by itself when it takes too long. */
export interface Lease {
  execute(unit: Unit): Promise<readonly StatementResult[]>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export class WorkQueue {
  readonly #channel: Pick<Channel, 'ask'>;
  readonly #kind: 'write' | 'read';
  readonly #limits: QueueLimits;
  readonly #waiting: (WaitingUnit | WaitingLease)[] = [];
  #busy = false;
  #closed = false;
  #idle: (() => void) | null = null;

  constructor(channel: Pick<Channel, 'ask'>, kind: 'write' | 'read', limits: QueueLimits) {
    this.#channel = channel;
    this.#kind = kind;
    this.#limits = limits;
  }

  /** settles when the unit is durable, or read */
  run(unit: Unit): Promise<readonly StatementResult[]> {
    return new Promise((resolve, reject) => this.#add({ kind: 'unit', unit, resolve, reject }));
  }

  /** waits for its turn among the units; what is queued after it waits for its end */
  lease(): Promise<Lease> {
    return new Promise((resolve, reject) => this.#add({ kind: 'lease', resolve, reject }));
  }

  /** takes nothing more; settles when everything that was taken has its answer */
  close(): Promise<void> {
    this.#closed = true;
    if (!this.#busy && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #add(item: WaitingUnit | WaitingLease): void {
    if (this.#closed) {
      item.reject(new AgentboxError('STORAGE_UNAVAILABLE', 'the database is closed'));
    } else if (this.#waiting.length >= this.#limits.maxWaiting) {
      item.reject(new AgentboxError('OVERLOADED', `${this.#limits.maxWaiting} database requests wait already`));
    } else {
      this.#waiting.push(item);
      if (!this.#busy) this.#next();
    }
  }

  #next(): void {
    const first = this.#waiting[0];
    this.#busy = first !== undefined;
    if (first === undefined) {
      this.#idle?.();
    } else if (first.kind === 'lease') {
      this.#waiting.shift();
      void this.#grant(first);
    } else {
      // Whoever asks in the same turn of the loop shares the first batch.
      queueMicrotask(() => void this.#runBatch());
    }
  }

  async #runBatch(): Promise<void> {
    const batch = this.#takeUnits();
    try {
      const results = await this.#channel.ask({ kind: this.#kind, units: batch.map(({ unit }) => unit) });
      batch.forEach(({ resolve, reject }, index) => {
        const result = results[index];
        if (result?.kind === 'done') resolve(result.results);
        else reject(result === undefined ? new AgentboxError('INTERNAL', 'no answer') : errorOf(result.fault));
      });
    } catch (fault) {
      for (const { reject } of batch) reject(fault);
    }
    this.#next();
  }

  /** up to the next lease: order among writers is the order of asking */
  #takeUnits(): readonly WaitingUnit[] {
    const lease = this.#waiting.findIndex(({ kind }) => kind === 'lease');
    const count = Math.min(lease === -1 ? this.#waiting.length : lease, this.#limits.maxBatch);
    return this.#waiting.splice(0, count).filter((item) => item.kind === 'unit');
  }

  async #grant({ resolve, reject }: WaitingLease): Promise<void> {
    try {
      await this.#channel.ask({ kind: 'begin' });
    } catch (fault) {
      reject(fault);
      this.#next();
      return;
    }
    resolve(this.#openLease());
  }

  #openLease(): Lease {
    let open = true;
    const end = async (how: 'commit' | 'rollback'): Promise<void> => {
      if (!open) {
        if (how === 'rollback') return;
        throw new AgentboxError('TIMED_OUT', `a transaction took longer than ${this.#limits.leaseMs} ms`);
      }
      open = false;
      clearTimeout(timer);
      try {
        await this.#channel.ask({ kind: how });
      } finally {
        this.#next();
      }
    };
    const timer = setTimeout(() => void end('rollback').catch(() => undefined), this.#limits.leaseMs);
    return {
      execute: async (unit) => {
        if (!open) throw new AgentboxError('TIMED_OUT', `a transaction took longer than ${this.#limits.leaseMs} ms`);
        const [result] = await this.#channel.ask({ kind: 'execute', unit });
        if (result?.kind === 'done') return result.results;
        throw result === undefined ? new AgentboxError('INTERNAL', 'no answer') : errorOf(result.fault);
      },
      commit: () => end('commit'),
      rollback: () => end('rollback'),
    };
  }
}
