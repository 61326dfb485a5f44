/** What the operator says about an external issuer of tokens, settled once: defaults filled in, mistakes refused. */
import { AgentboxError, SCOPES, type Scope } from '@agentbox/protocol';
import { outboundProblem, type Resolve } from '../outbound/guarded-get.ts';

/** Scopes as the issuer writes them, each with what it grants here. A wide scope grants several. */
export type ScopeMap = Readonly<Record<string, readonly Scope[]>>;

/** Signatures by key pairs only: a public key must never serve as the secret of an HMAC. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface IssuerSettings {
  readonly issuer: string;
  readonly jwksUrl: string;
  /** the one `aud` that is accepted: the address of `/mcp` as clients know it */
  readonly audience: string;
  /** scopes of the issuer that every token must carry */
  readonly requiredScopes: readonly string[];
  readonly scopeMap?: ScopeMap;
  readonly algorithms?: readonly Algorithm[];
  /** clients (`azp` or `client_id`) whose tokens are accepted; null for all */
  readonly clients?: readonly string[] | null;
  readonly clockToleranceMs?: number;
  /** the issuer lives on an address that is not public */
  readonly privateNetwork?: boolean;
  readonly fetchTimeoutMs?: number;
  readonly keysMaxBytes?: number;
  readonly keysMaxAgeMs?: number;
  readonly keysMaxStaleMs?: number;
  readonly keysCooldownMs?: number;
  readonly resolve?: Resolve;
}

export interface Issuer extends Required<Omit<IssuerSettings, 'resolve' | 'jwksUrl'>> {
  readonly jwksUrl: URL;
  readonly resolve: Resolve | null;
}

/** `exec` and `agentbox:exec` mean the same; who administers may do everything. */
function defaultScopeMap(): ScopeMap {
  const grants = (scope: Scope): readonly Scope[] => (scope === 'admin' ? SCOPES : [scope]);
  return Object.fromEntries(
    SCOPES.flatMap((scope) => [
      [scope, grants(scope)],
      [`agentbox:${scope}`, grants(scope)],
    ]),
  );
}

export function settleIssuer(asked: IssuerSettings): Issuer {
  const jwksUrl = parsedUrl('auth.jwks.jwks_url', asked.jwksUrl);
  const problem = outboundProblem(jwksUrl, asked.privateNetwork ?? false);
  if (problem !== null) throw new AgentboxError('CONFIG_INVALID', `auth.jwks.jwks_url: ${asked.jwksUrl} ${problem}`);
  parsedUrl('auth.jwks.issuer', asked.issuer);
  return {
    scopeMap: defaultScopeMap(),
    algorithms: ALGORITHMS,
    clients: null,
    clockToleranceMs: 30_000,
    privateNetwork: false,
    fetchTimeoutMs: 5_000,
    keysMaxBytes: 256 * 1024,
    keysMaxAgeMs: 600_000,
    keysMaxStaleMs: 3_600_000,
    keysCooldownMs: 30_000,
    ...asked,
    resolve: asked.resolve ?? null,
    jwksUrl,
  };
}

function parsedUrl(key: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new AgentboxError('CONFIG_INVALID', `${key}: ${text} is not a URL`);
  return url;
}
