/**
 * The keys of an external issuer. Fetched when first needed and kept; an unknown key id fetches again, at most once per
 * cooldown. A failure is remembered for the cooldown too, so that a dead issuer costs nothing and a healed one is found.
 */
import { AgentboxError } from '@agentbox/protocol';
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

export interface KeySetTimes {
  /** a set is fetched again after this many ms */
  readonly maxAgeMs: number;
  /** a set that cannot be fetched again serves this many ms in all */
  readonly maxStaleMs: number;
  /** least time between two fetches, in ms */
  readonly cooldownMs: number;
}

/** `failure` is why the last fetch failed, null when it did not. */
export interface KeySetStatus {
  readonly loadedAt: number | null;
  readonly failure: string | null;
}

const KEYS_CEILING = 100;
const jwkSetSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string().max(16) })).max(KEYS_CEILING),
});

type Lookup = ReturnType<typeof createLocalJWKSet>;

export class KeySet {
  readonly #fetch: () => Promise<Uint8Array>;
  readonly #times: KeySetTimes;
  readonly #clock: () => number;
  #loaded: { readonly lookup: Lookup; readonly at: number } | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failure: string | null = null;
  #pending: Promise<void> | undefined;
  #version = 0;

  constructor(fetch: () => Promise<Uint8Array>, times: KeySetTimes, clock: () => number) {
    this.#fetch = fetch;
    this.#times = times;
    this.#clock = clock;
  }

  /** grows with each fetched set: what was verified with an older one need not hold */
  get version(): number {
    return this.#version;
  }

  get status(): KeySetStatus {
    return { loadedAt: this.#loaded?.at ?? null, failure: this.#failure };
  }

  /** For jose: throws AgentboxError AUTH_UNAVAILABLE when there are no keys to judge by. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    await this.#freshen();
    const lookup = this.#usable();
    try {
      return await lookup(header, token);
    } catch (fault) {
      if (!(fault instanceof errors.JWKSNoMatchingKey) || this.#coolingDown()) throw fault;
      await this.#load();
      return this.#usable()(header, token);
    }
  };

  async #freshen(): Promise<void> {
    if (this.#ageMs() <= this.#times.maxAgeMs) return;
    if (this.#pending !== undefined || !this.#coolingDown()) await this.#load();
  }

  #usable(): Lookup {
    if (this.#loaded !== undefined && this.#ageMs() <= this.#times.maxStaleMs) return this.#loaded.lookup;
    throw new AgentboxError('AUTH_UNAVAILABLE', this.#failure ?? 'the keys have not been fetched yet');
  }

  #ageMs(): number {
    return this.#loaded === undefined ? Number.POSITIVE_INFINITY : this.#clock() - this.#loaded.at;
  }

  #coolingDown(): boolean {
    return this.#clock() - this.#triedAt < this.#times.cooldownMs;
  }

  /** Callers that need keys at the same time share one fetch. */
  #load(): Promise<void> {
    this.#pending ??= this.#replace().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #replace(): Promise<void> {
    this.#triedAt = this.#clock();
    try {
      const parsed = jwkSetSchema.safeParse(JSON.parse(new TextDecoder().decode(await this.#fetch())));
      if (!parsed.success) throw new AgentboxError('AUTH_UNAVAILABLE', 'the answer is not a JSON Web Key Set');
      this.#loaded = { lookup: createLocalJWKSet(parsed.data), at: this.#clock() };
      this.#version += 1;
      this.#failure = null;
    } catch (fault) {
      this.#failure = fault instanceof AgentboxError ? fault.message : 'the answer is not JSON';
    }
  }
}
