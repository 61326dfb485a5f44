/** The domain: approvals, catalog, call pipeline, audit and principals. Ports only; no SQL, no HTTP. */
export {
  type Answered,
  type Approvals,
  type ApprovalsOptions,
  createApprovals,
  type Opened,
} from './approvals/approvals.ts';
export {
  type Elicitation,
  type ElicitedAnswer,
  elicitationOf,
  readElicitation,
} from './approvals/elicitation.ts';
export type { Answer } from './approvals/permission.ts';
export { APPROVAL_SETTINGS, type ApprovalSettings } from './approvals/settings.ts';
export { AUDIT_LIMITS, type AuditLimits, createAuditLog } from './audit/audit-log.ts';
export { type ChainHead, GENESIS, type Verification, verifyAudit } from './audit/chain.ts';
export { CALL_LIMITS, type CallLimits } from './calls/limits.ts';
export { type CallPipelineOptions, createCallPipeline, type ObservedCallPipeline } from './calls/pipeline.ts';
export type { KeepWhole } from './calls/shape.ts';
export { type CatalogOptions, createCatalog, type OwnedCatalog } from './catalog/catalog.ts';
export type { Clock, RandomBytes, ReportFault } from './clock.ts';
export type * from './ports.ts';
export {
  createPrincipals,
  type IssuedToken,
  type Principals,
  type PrincipalsOptions,
  type Refused,
  type Verified,
} from './principals/principals.ts';
