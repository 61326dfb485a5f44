/**
 * Counts wrong tokens per address, as a bucket that refills. It decides how a wrong token is answered, never whether a
 * right one is let in: nobody can lock another out. Memory is bounded: the address seen longest ago is forgotten.
 */
import { isIP } from 'node:net';

export interface AttemptLimits {
  /** wrong tokens in a row before an address is told to wait */
  readonly burst: number;
  /** one more is allowed each so many ms */
  readonly refillMs: number;
  /** addresses remembered at once */
  readonly addresses: number;
}

export const ATTEMPT_LIMITS: AttemptLimits = { burst: 20, refillMs: 3_000, addresses: 4_096 };

export class FailedAttempts {
  readonly #limits: AttemptLimits;
  readonly #clock: () => number;
  readonly #buckets = new Map<string, { readonly tokens: number; readonly at: number }>();

  constructor(limits: AttemptLimits, clock: () => number) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get remembered(): number {
    return this.#buckets.size;
  }

  /** Counts one failure; answers the seconds to wait, or null while the address is within its limit. */
  record(address: string): number | null {
    const { burst, refillMs, addresses } = this.#limits;
    const key = networkOf(address);
    const now = this.#clock();
    const known = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, known.tokens + Math.max(0, now - known.at) / refillMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: Math.max(0, tokens - 1), at: now });
    const oldest = this.#buckets.keys().next();
    if (this.#buckets.size > addresses && oldest.done !== true) this.#buckets.delete(oldest.value);
    return tokens >= 1 ? null : Math.ceil(((1 - tokens) * refillMs) / 1000);
  }
}

/** One household or host has a whole /64 of IPv6. */
function networkOf(address: string): string {
  if (isIP(address) !== 6 || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((group) => group !== '').length;
  return [...groups, ...Array.from({ length: missing }, () => '0')].slice(0, 4).join(':');
}
