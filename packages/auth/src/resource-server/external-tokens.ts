/**
 * Verifies access tokens of an external issuer: signature by its published keys, issuer, audience, times, client and
 * type. What the token itself says about keys (`jku`, `x5u`, `jwk`) and algorithms is never followed.
 */
import { createHash } from 'node:crypto';
import { AgentboxError } from '@agentbox/protocol';
import { errors, type JWTVerifyResult, jwtVerify } from 'jose';
import { guardedGet } from '../outbound/guarded-get.ts';
import type { Issuer } from './issuer.ts';
import { KeySet, type KeySetStatus } from './key-set.ts';
import { scopesOfClaims } from './scopes.ts';

export interface ExternalToken {
  readonly subject: string;
  /** `jti` when the issuer gives one, else a digest of the token */
  readonly tokenId: string;
  /** ms since the epoch */
  readonly expiresAt: number;
  readonly scopes: readonly string[];
  readonly name: string | null;
}

export type ExternalVerdict =
  | { readonly kind: 'valid'; readonly token: ExternalToken }
  | { readonly kind: 'invalid'; readonly why: string }
  | { readonly kind: 'unavailable'; readonly why: string; readonly retryAfterSeconds: number };

/** A verified token is not verified again for so long: a withdrawn key ends it at the latest then. */
const REMEMBER_MS = 60_000;
const REMEMBERED_CEILING = 1_024;
const TYPES: ReadonlySet<string> = new Set(['at+jwt', 'jwt']);

interface Remembered {
  readonly token: ExternalToken;
  readonly until: number;
  readonly keys: number;
}

export class ExternalTokens {
  readonly issuer: Issuer;
  readonly #keys: KeySet;
  readonly #clock: () => number;
  readonly #remembered = new Map<string, Remembered>();

  constructor(issuer: Issuer, clock: () => number) {
    this.issuer = issuer;
    this.#clock = clock;
    const times = {
      maxAgeMs: issuer.keysMaxAgeMs,
      maxStaleMs: issuer.keysMaxStaleMs,
      cooldownMs: issuer.keysCooldownMs,
    };
    this.#keys = new KeySet(() => fetchKeys(issuer), times, clock);
  }

  get status(): KeySetStatus {
    return this.#keys.status;
  }

  async verify(token: string): Promise<ExternalVerdict> {
    const digest = createHash('sha256').update(token).digest('hex');
    const known = this.#remembered.get(digest);
    if (known !== undefined && known.keys === this.#keys.version && this.#clock() < known.until) {
      return { kind: 'valid', token: known.token };
    }
    this.#remembered.delete(digest);
    try {
      const valid = externalToken(await this.#signature(token), digest);
      this.#remember(digest, valid);
      return { kind: 'valid', token: valid };
    } catch (fault) {
      return this.#refusal(fault);
    }
  }

  #signature(token: string): Promise<JWTVerifyResult> {
    const { issuer, audience, algorithms, clockToleranceMs, clients } = this.issuer;
    const options = {
      issuer,
      audience,
      algorithms: [...algorithms],
      clockTolerance: clockToleranceMs / 1000,
      currentDate: new Date(this.#clock()),
      requiredClaims: ['exp', 'sub'],
    };
    return jwtVerify(token, this.#keys.find, options).then((verified) => {
      const type = (verified.protectedHeader.typ ?? '').toLowerCase().replace(/^application\//, '');
      if (!TYPES.has(type)) throw new errors.JWTClaimValidationFailed('not accepted', verified.payload, 'typ');
      const client = verified.payload['azp'] ?? verified.payload['client_id'];
      if (clients !== null && !(typeof client === 'string' && clients.includes(client))) {
        throw new errors.JWTClaimValidationFailed('not accepted', verified.payload, 'client_id');
      }
      return verified;
    });
  }

  #remember(digest: string, token: ExternalToken): void {
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size >= REMEMBERED_CEILING && oldest.done !== true) this.#remembered.delete(oldest.value);
    const until = Math.min(token.expiresAt, this.#clock() + REMEMBER_MS);
    this.#remembered.set(digest, { token, until, keys: this.#keys.version });
  }

  #refusal(fault: unknown): ExternalVerdict {
    if (fault instanceof AgentboxError) {
      const retryAfterSeconds = Math.ceil(this.issuer.keysCooldownMs / 1000);
      return { kind: 'unavailable', why: fault.message, retryAfterSeconds };
    }
    return { kind: 'invalid', why: reasonOf(fault) };
  }
}

function fetchKeys(issuer: Issuer): Promise<Uint8Array> {
  return guardedGet(issuer.jwksUrl, {
    timeoutMs: issuer.fetchTimeoutMs,
    maxBytes: issuer.keysMaxBytes,
    accept: 'application/jwk-set+json, application/json',
    privateNetwork: issuer.privateNetwork,
    ...(issuer.resolve === null ? {} : { resolve: issuer.resolve }),
  });
}

function externalToken({ payload }: JWTVerifyResult, digest: string): ExternalToken {
  const { sub, exp, jti } = payload;
  if (sub === undefined || sub === '' || exp === undefined) throw new errors.JWTInvalid('sub and exp are needed');
  const names = [payload['preferred_username'], payload['name'], payload['client_id'], sub];
  return {
    subject: sub,
    tokenId: jti ?? `jwt_${digest.slice(0, 20)}`,
    expiresAt: exp * 1000,
    scopes: scopesOfClaims(payload),
    name: names.find((name) => typeof name === 'string') ?? null,
  };
}

const TYPE_REFUSED = 'The header typ of the token is neither at+jwt nor JWT.';

/** What a developer needs to find the mistake; nothing in it comes from the token. */
function reasonOf(fault: unknown): string {
  if (fault instanceof errors.JWTExpired) return 'The token has expired.';
  if (fault instanceof errors.JWTClaimValidationFailed && fault.claim === 'typ') return TYPE_REFUSED;
  if (fault instanceof errors.JWTClaimValidationFailed) return `The claim ${claimName(fault.claim)} is not accepted.`;
  if (fault instanceof errors.JOSEAlgNotAllowed) return 'The algorithm of the token is not accepted.';
  if (fault instanceof errors.JWKSNoMatchingKey) return 'The issuer has no such key.';
  if (fault instanceof errors.JWSSignatureVerificationFailed) return 'The signature does not verify.';
  return 'The token is not a valid access token.';
}

const claimName = (claim: string): string => (/^[a-z_]{1,20}$/.test(claim) ? claim : 'unknown');
