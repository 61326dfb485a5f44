/**
 * Who may call: principals and their bearer tokens. A token is given out once and kept as a hash. What is revoked,
 * expired or disabled is refused at the next call, although answers are remembered for a short while.
 */
import { timingSafeEqual } from 'node:crypto';
import { Emitter, type Signal } from '@agentbox/base';
import {
  AgentboxError,
  type ErrorCode,
  newPrincipalId,
  OPERATOR,
  type PrincipalId,
  SCOPES,
  type Scope,
} from '@agentbox/protocol';
import type { Clock, RandomBytes, ReportFault } from '../clock.ts';
import type { Principal, PrincipalRecord, PrincipalStore, TokenRecord } from '../ports.ts';
import { hashOfToken, isToken, newToken } from './token.ts';

export interface Verified {
  readonly principal: Principal;
  readonly tokenId: string;
  /** ms since the epoch; null never */
  readonly expiresAt: number | null;
}

export interface Refused {
  readonly refused: ErrorCode;
}

/** A token as it is shown, once. */
export interface IssuedToken {
  readonly token: string;
  readonly tokenId: string;
  readonly principal: PrincipalId;
  readonly expiresAt: number | null;
}

export interface Principals {
  verify(token: string): Promise<Verified | Refused>;
  /** a further token for a principal that exists */
  issue(principal: PrincipalId, options?: { readonly expiresAt?: number }): Promise<IssuedToken>;
  /** a new token in place of all the principal's older ones, at once */
  rotate(principal: PrincipalId, options?: { readonly expiresAt?: number }): Promise<IssuedToken>;
  /** ends every token of the principal; answers how many there were */
  revoke(principal: PrincipalId): Promise<number>;
  create(name: string, scopes: readonly Scope[]): Promise<PrincipalRecord>;
  setDisabled(principal: PrincipalId, disabled: boolean): Promise<void>;
  get(principal: PrincipalId): Promise<PrincipalRecord | undefined>;
  list(): Promise<readonly PrincipalRecord[]>;
  /** newest first, also what is revoked or over */
  tokens(principal: PrincipalId): Promise<readonly TokenRecord[]>;
  /** a principal whose tokens or rights changed: what was opened with them ends */
  readonly revoked: Signal<PrincipalId>;
}

export interface PrincipalsOptions {
  readonly store: PrincipalStore;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly reportFault: ReportFault;
}

/** Verified tokens that are remembered; the oldest is forgotten first. */
const MAX_REMEMBERED = 256;
/** how long an answer is remembered: another process may have changed the store */
const REMEMBERED_MS = 5_000;
const MAX_NAME_CHARS = 64;

interface Remembered {
  readonly verified: Verified;
  /** a clock that was set back ends it too */
  readonly from: number;
  readonly until: number;
}

/** Makes sure that the operator exists and holds every scope there is, also those that came with an update. */
export async function createPrincipals(options: PrincipalsOptions): Promise<Principals> {
  const { store, clock } = options;
  const operator = await store.get(OPERATOR);
  if (operator === undefined || SCOPES.some((scope) => !operator.scopes.includes(scope))) {
    const known = operator ?? { id: OPERATOR, name: 'operator', createdAt: clock(), disabledAt: null };
    await store.put({ ...known, scopes: SCOPES });
  }
  return new StoredPrincipals(options);
}

const sameHash = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));

class StoredPrincipals implements Principals {
  readonly revoked: Emitter<PrincipalId>;
  readonly #store: PrincipalStore;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #remembered = new Map<string, Remembered>();
  /** grows with each change, so that an answer read before it is not remembered after it */
  #changes = 0;

  constructor(options: PrincipalsOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#random = options.random;
    this.revoked = new Emitter((fault) => options.reportFault('a listener of revoked tokens threw', {}, fault));
  }

  async verify(token: string): Promise<Verified | Refused> {
    if (!isToken(token)) return { refused: 'UNAUTHENTICATED' };
    const hash = hashOfToken(token);
    const now = this.#clock();
    const remembered = this.#remembered.get(hash);
    if (remembered !== undefined && remembered.from <= now && now < remembered.until) return remembered.verified;
    this.#remembered.delete(hash);
    const changes = this.#changes;
    const answer = await this.#lookUp(hash, now);
    if ('principal' in answer && changes === this.#changes) this.#remember(hash, answer, now);
    return answer;
  }

  async #lookUp(hash: string, now: number): Promise<Verified | Refused> {
    const record = await this.#store.findToken(hash);
    // The look-up is by hash already; the comparison keeps a store that matches loosely from letting anyone in.
    if (record === undefined || !sameHash(record.hash, hash)) return { refused: 'UNAUTHENTICATED' };
    if (record.revokedAt !== null) return { refused: 'TOKEN_REVOKED' };
    if (record.expiresAt !== null && record.expiresAt <= now) return { refused: 'UNAUTHENTICATED' };
    const principal = await this.#store.get(record.principal);
    if (principal === undefined || principal.disabledAt !== null) return { refused: 'TOKEN_REVOKED' };
    const { id, name, scopes } = principal;
    return { principal: { id, name, scopes: new Set(scopes) }, tokenId: record.id, expiresAt: record.expiresAt };
  }

  #remember(hash: string, verified: Verified, now: number): void {
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size >= MAX_REMEMBERED && oldest.done !== true) this.#remembered.delete(oldest.value);
    const until = Math.min(now + REMEMBERED_MS, verified.expiresAt ?? Number.POSITIVE_INFINITY);
    this.#remembered.set(hash, { verified, from: now, until });
  }

  async issue(principal: PrincipalId, options: { readonly expiresAt?: number } = {}): Promise<IssuedToken> {
    await this.#existing(principal);
    const { issued, record } = this.#mint(principal, options.expiresAt ?? null);
    await this.#store.addToken(record);
    return issued;
  }

  async rotate(principal: PrincipalId, options: { readonly expiresAt?: number } = {}): Promise<IssuedToken> {
    await this.#existing(principal);
    const { issued, record } = this.#mint(principal, options.expiresAt ?? null);
    await this.#store.replaceTokens(record, this.#clock());
    this.#forget(principal);
    return issued;
  }

  async revoke(principal: PrincipalId): Promise<number> {
    const count = await this.#store.revokeTokens(principal, this.#clock());
    this.#forget(principal);
    return count;
  }

  async create(name: string, scopes: readonly Scope[]): Promise<PrincipalRecord> {
    if (name.length === 0 || name.length > MAX_NAME_CHARS) {
      throw new AgentboxError('INVALID_ARGUMENTS', `a name has 1 to ${MAX_NAME_CHARS} characters`, {});
    }
    const record = { id: newPrincipalId(), name, scopes, createdAt: this.#clock(), disabledAt: null };
    await this.#store.put(record);
    return record;
  }

  async setDisabled(principal: PrincipalId, disabled: boolean): Promise<void> {
    const record = await this.#existing(principal);
    await this.#store.put({ ...record, disabledAt: disabled ? this.#clock() : null });
    this.#forget(principal);
  }

  get(principal: PrincipalId): Promise<PrincipalRecord | undefined> {
    return this.#store.get(principal);
  }

  list(): Promise<readonly PrincipalRecord[]> {
    return this.#store.list();
  }

  tokens(principal: PrincipalId): Promise<readonly TokenRecord[]> {
    return this.#store.listTokens(principal);
  }

  async #existing(principal: PrincipalId): Promise<PrincipalRecord> {
    const record = await this.#store.get(principal);
    if (record !== undefined) return record;
    throw new AgentboxError('INVALID_ARGUMENTS', `there is no principal ${principal}`, { principal });
  }

  #mint(principal: PrincipalId, expiresAt: number | null): { issued: IssuedToken; record: TokenRecord } {
    const token = newToken(this.#random);
    const tokenId = `t_${Buffer.from(this.#random(10)).toString('hex')}`;
    const record = {
      id: tokenId,
      principal,
      hash: hashOfToken(token),
      createdAt: this.#clock(),
      expiresAt,
      revokedAt: null,
    };
    return { issued: { token, tokenId, principal, expiresAt }, record };
  }

  #forget(principal: PrincipalId): void {
    this.#changes += 1;
    for (const [hash, { verified }] of this.#remembered) {
      if (verified.principal.id === principal) this.#remembered.delete(hash);
    }
    this.revoked.emit(principal);
  }
}
