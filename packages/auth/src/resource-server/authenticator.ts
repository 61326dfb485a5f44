/**
 * Who is it? Answers each request with a caller or with the challenge that says what is missing. Own tokens are verified
 * by the principals of this machine, others by the keys of the configured issuer. A token is never logged nor echoed.
 */
import type { Principal, PrincipalStore, Principals } from '@agentbox/control-plane';
import { type ErrorCode, HTTP_STATUS, type Scope } from '@agentbox/protocol';
import { type DoorRequest, readCredentials } from './credentials.ts';
import { recordSubject } from './external-principals.ts';
import { type ExternalToken, ExternalTokens } from './external-tokens.ts';
import { ATTEMPT_LIMITS, type AttemptLimits, FailedAttempts } from './failed-attempts.ts';
import { type Issuer, type IssuerSettings, settleIssuer } from './issuer.ts';
import type { KeySetStatus } from './key-set.ts';
import {
  type ChallengeError,
  challengeHeader,
  type ResourceIdentity,
  type ResourceMetadata,
  resourceMetadata,
} from './metadata.ts';
import { grantedScopes, missingScopes } from './scopes.ts';

export interface Caller {
  readonly principal: Principal;
  readonly tokenId: string;
  /** ms since the epoch; null never */
  readonly expiresAt: number | null;
}

export interface Challenge {
  readonly kind: 'challenge';
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** null when the answer is not about the token: the issuer is down, or the address must wait */
  readonly wwwAuthenticate: string | null;
  readonly retryAfterSeconds: number | null;
}

export type Authentication = { readonly kind: 'ok'; readonly caller: Caller } | Challenge;

export interface AuthenticatorOptions {
  readonly principals: Pick<Principals, 'verify'>;
  readonly store: Pick<PrincipalStore, 'get' | 'put'>;
  /** an OAuth issuer whose tokens are accepted beside our own */
  readonly jwks?: IssuerSettings | null;
  /** the address of `/mcp` as clients know it; null takes the host of each request */
  readonly resource: string | null;
  readonly clock: () => number;
  readonly attempts?: AttemptLimits;
}

export interface Authenticator {
  authenticate(request: DoorRequest): Promise<Authentication>;
  /** the challenge of a call that needs more than its caller has: lists every scope of the operation */
  insufficientScope(request: Pick<DoorRequest, 'url'>, scopes: readonly Scope[]): Challenge;
  metadata(requestUrl: string): ResourceMetadata;
  /** null without an external issuer */
  readonly keys: () => KeySetStatus | null;
}

/** Throws AgentboxError CONFIG_INVALID for an issuer that must not be asked. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return new ResourceServer(options);
}

const JWT_SHAPE = /^ey[\w-]*\.[\w-]+\.[\w-]*$/;
const STATIC_SCOPES = ['agentbox:exec', 'agentbox:files', 'agentbox:skills'];

class ResourceServer implements Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #external: ExternalTokens | null;
  readonly #identity: ResourceIdentity;
  readonly #attempts: FailedAttempts;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    const issuer = options.jwks === undefined || options.jwks === null ? null : settleIssuer(options.jwks);
    this.#external = issuer === null ? null : new ExternalTokens(issuer, options.clock);
    this.#attempts = new FailedAttempts(options.attempts ?? ATTEMPT_LIMITS, options.clock);
    this.#identity = {
      resource: issuer !== null && URL.canParse(issuer.audience) ? issuer.audience : options.resource,
      authorizationServers: issuer === null ? [] : [issuer.issuer],
      scopes: issuer?.requiredScopes ?? STATIC_SCOPES,
    };
  }

  readonly keys = (): KeySetStatus | null => this.#external?.status ?? null;

  metadata(requestUrl: string): ResourceMetadata {
    return resourceMetadata(this.#identity, requestUrl);
  }

  async authenticate(request: DoorRequest): Promise<Authentication> {
    const credentials = readCredentials(request);
    if (credentials.kind === 'none') {
      return this.#challenge(request, 'UNAUTHENTICATED', 'This route needs a token.', null);
    }
    if (credentials.kind === 'malformed') {
      return this.#failed(request, 'MALFORMED_REQUEST', credentials.why, 'invalid_request');
    }
    return this.#external !== null && JWT_SHAPE.test(credentials.token)
      ? this.#authenticateExternal(request, this.#external, credentials.token)
      : this.#authenticateOwn(request, credentials.token);
  }

  insufficientScope(request: Pick<DoorRequest, 'url'>, scopes: readonly Scope[]): Challenge {
    const words = scopes.map((scope) => `agentbox:${scope}`);
    const description = `Needs ${words.join(' ')}.`;
    return this.#challenge(
      request,
      'INSUFFICIENT_SCOPE',
      description,
      { error: 'insufficient_scope', description },
      words,
    );
  }

  async #authenticateOwn(request: DoorRequest, token: string): Promise<Authentication> {
    const verified = await this.#options.principals.verify(token);
    if ('principal' in verified) return { kind: 'ok', caller: verified };
    const why = verified.refused === 'TOKEN_REVOKED' ? 'The token was revoked.' : 'The token is not known here.';
    return this.#failed(request, verified.refused, why, 'invalid_token');
  }

  async #authenticateExternal(request: DoorRequest, external: ExternalTokens, token: string): Promise<Authentication> {
    const verdict = await external.verify(token);
    if (verdict.kind === 'valid') return this.#admit(request, external.issuer, verdict.token);
    if (verdict.kind === 'invalid') return this.#failed(request, 'UNAUTHENTICATED', verdict.why, 'invalid_token');
    return { ...refusal('AUTH_UNAVAILABLE', verdict.why), retryAfterSeconds: verdict.retryAfterSeconds };
  }

  async #admit(request: DoorRequest, by: Issuer, token: ExternalToken): Promise<Authentication> {
    const { issuer, requiredScopes, scopeMap } = by;
    const scopes = grantedScopes(token.scopes, scopeMap);
    if (scopes.size === 0 || missingScopes(requiredScopes, token.scopes, scopeMap).length > 0) {
      const description = `The token needs the scopes ${requiredScopes.join(' ')}.`;
      const error = { error: 'insufficient_scope', description } as const;
      return this.#challenge(request, 'INSUFFICIENT_SCOPE', description, error);
    }
    const { subject, name, tokenId, expiresAt } = token;
    const record = await recordSubject(this.#options.store, { issuer, subject, name, scopes }, this.#options.clock());
    if (record.disabledAt !== null) {
      return this.#failed(request, 'TOKEN_REVOKED', 'The principal is disabled.', 'invalid_token');
    }
    return { kind: 'ok', caller: { principal: { id: record.id, name: record.name, scopes }, tokenId, expiresAt } };
  }

  /** A credential that was tried and is wrong counts against its address. */
  #failed(request: DoorRequest, code: ErrorCode, why: string, error: ChallengeError['error']): Challenge {
    const retryAfterSeconds = this.#attempts.record(request.remoteAddress);
    if (retryAfterSeconds === null) return this.#challenge(request, code, why, { error, description: why });
    const message = `Too many wrong tokens from this address; wait ${retryAfterSeconds} s.`;
    return { ...refusal('OVERLOADED', message), retryAfterSeconds };
  }

  #challenge(
    { url }: Pick<DoorRequest, 'url'>,
    code: ErrorCode,
    message: string,
    error: ChallengeError | null,
    scopes: readonly string[] = this.#identity.scopes,
  ): Challenge {
    return { ...refusal(code, message), wwwAuthenticate: challengeHeader(this.#identity, url, scopes, error) };
  }
}

function refusal(code: ErrorCode, message: string): Challenge {
  return {
    kind: 'challenge',
    status: HTTP_STATUS[code],
    code,
    message,
    wwwAuthenticate: null,
    retryAfterSeconds: null,
  };
}
