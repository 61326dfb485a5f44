/** Who may come in: bearer tokens of this machine, access tokens of an external issuer, and where to get them. */
export {
  type Authentication,
  type Authenticator,
  type AuthenticatorOptions,
  type Caller,
  type Challenge,
  createAuthenticator,
} from './resource-server/authenticator.ts';
export type { DoorRequest, HeaderValues } from './resource-server/credentials.ts';
export { externalPrincipalId } from './resource-server/external-principals.ts';
export { ATTEMPT_LIMITS, type AttemptLimits } from './resource-server/failed-attempts.ts';
export { ALGORITHMS, type Algorithm, type IssuerSettings, type ScopeMap } from './resource-server/issuer.ts';
export type { KeySetStatus } from './resource-server/key-set.ts';
export { MCP_PATH, METADATA_PATH, type ResourceMetadata } from './resource-server/metadata.ts';
