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
  type DeniedExec,
  EXEC_DECISIONS,
  type ExecDecision,
  type ExecEntry,
  type ExecFacts,
  type ExecQuestion,
  type ImageKind,
  type Interpreter,
  type ProgramName,
  QUESTION_ANSWERS,
  type QuestionAnswer,
  type RuleHit,
} from './guard.ts';
export {
  type CallId,
  newCallId,
  newPrincipalId,
  newQuestionId,
  newSessionId,
  newTraceId,
  OPERATOR,
  type PrincipalId,
  type ProviderId,
  parseCallId,
  parsePrincipalId,
  parseProviderId,
  parseQuestionId,
  parseSessionId,
  parseTraceId,
  type QuestionId,
  type SessionId,
  type TraceId,
} from './ids.ts';
export {
  MAX_NOTE_CHARS,
  type Question,
  type QuestionDelivery,
  type QuestionFace,
  type QuestionReply,
  type QuestionState,
  questionSchema,
  ruleLineOf,
} from './question.ts';
export {
  type LaunchPlan,
  type MachineMeans,
  PROFILE_NAMES,
  PROXY_PORT,
  type ProfileName,
  type ResourceLimits,
  type SandboxLimits,
  type SandboxProfile,
} from './sandbox.ts';
export type { SandboxWish, WishAccess, WishEntry, WishPlace } from './sandbox-wish.ts';
export { parseScope, SCOPES, type Scope } from './scopes.ts';
export * from './tools/index.ts';
export { VERSION } from './version.ts';
