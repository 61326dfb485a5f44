/**
 * RFC 9728: where this resource is and who issues tokens for it, and the challenges that point there. Pure. Clients
 * compare `resource` with the URL they use, so without a configured one it follows the host of the request.
 */

export const METADATA_PATH = '/.well-known/oauth-protected-resource';
export const MCP_PATH = '/mcp';

export interface ResourceIdentity {
  /** the address of `/mcp` as clients know it, or null to take it from each request */
  readonly resource: string | null;
  readonly authorizationServers: readonly string[];
  readonly scopes: readonly string[];
}

export interface ResourceMetadata {
  readonly resource: string;
  readonly authorization_servers?: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly bearer_methods_supported: readonly ['header'];
  readonly resource_name: 'agentbox';
}

function resourceOf(identity: ResourceIdentity, requestUrl: string): string {
  return identity.resource ?? new URL(MCP_PATH, requestUrl).href;
}

export function resourceMetadata(identity: ResourceIdentity, requestUrl: string): ResourceMetadata {
  const { authorizationServers, scopes } = identity;
  return {
    resource: resourceOf(identity, requestUrl),
    ...(authorizationServers.length === 0 ? {} : { authorization_servers: authorizationServers }),
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    resource_name: 'agentbox',
  };
}

/** The path form of section 3.1: the well-known part goes between the host and the path of the resource. */
function metadataUrl(identity: ResourceIdentity, requestUrl: string): string {
  const resource = new URL(resourceOf(identity, requestUrl));
  return `${resource.origin}${METADATA_PATH}${resource.pathname === '/' ? '' : resource.pathname}`;
}

export interface ChallengeError {
  readonly error: 'invalid_request' | 'invalid_token' | 'insufficient_scope';
  readonly description: string;
}

/** `error` only when a token was sent: without one, RFC 6750 wants none. */
export function challengeHeader(
  identity: ResourceIdentity,
  requestUrl: string,
  scopes: readonly string[],
  error: ChallengeError | null,
): string {
  const parameters: readonly (readonly [string, string])[] = [
    ...(error === null
      ? []
      : [['error', error.error] as const, ['error_description', quotable(error.description)] as const]),
    ...(scopes.length === 0 ? [] : [['scope', scopes.join(' ')] as const]),
    ['resource_metadata', metadataUrl(identity, requestUrl)],
  ];
  return `Bearer ${parameters.map(([name, value]) => `${name}="${value}"`).join(', ')}`;
}

/** RFC 6750 permits printable ASCII without quote and backslash. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, "'");
}
