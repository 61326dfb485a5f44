/** What the operator decides about approvals, and the bounds of the inbox. */

export interface ApprovalSettings {
  /** who asked may also say yes through a face that takes the same token */
  readonly selfApproval: boolean;
  /** the person behind a client answers what the client asks */
  readonly clientMayAnswer: boolean;
  /** open questions in all; the next one is refused */
  readonly maxOpen: number;
  /** open questions of one session; the next one is refused */
  readonly maxOpenPerSession: number;
}

export const APPROVAL_SETTINGS: ApprovalSettings = {
  selfApproval: false,
  clientMayAnswer: true,
  maxOpen: 256,
  maxOpenPerSession: 32,
};
