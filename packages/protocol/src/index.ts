/** Every boundary's schemas, types and error codes. */
export { AUDIT_KINDS, type AuditEntry, type AuditKind, type AuditRecord } from './audit.ts';
export type * from './box.ts';
export {
  BOX_PROTOCOL_VERSION,
  type BoxMessage,
  type BoxRequest,
  boxEvent,
  boxFailure,
  boxGoodbye,
  boxHello,
  boxMessage,
  boxReplies,
  boxRequest,
  boxWelcome,
  encodeFrame,
  FRAME_LIMITS,
  type Frame,
  FrameError,
  FrameReader,
} from './box-wire.ts';
export {
  AgentboxError,
  type Detail,
  ERROR_CODES,
  type ErrorCode,
  HINT,
  HTTP_STATUS,
  parseErrorCode,
} from './errors.ts';
export {
  type CallId,
  newCallId,
  newPrincipalId,
  newSessionId,
  newTraceId,
  OPERATOR,
  type PrincipalId,
  type ProviderId,
  parseCallId,
  parsePrincipalId,
  parseProviderId,
  parseSessionId,
  parseTraceId,
  type SessionId,
  type TraceId,
} from './ids.ts';
export { parseScope, SCOPES, type Scope } from './scopes.ts';
export * from './tools/index.ts';
export { VERSION } from './version.ts';
