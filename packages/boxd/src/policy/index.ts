/** The rules in force, and what they come to for one program or connection. */
export { environmentForEscalation } from './escalation-environment.ts';
export { type ExecPolicy, type ExecPolicyOptions, openExecPolicy } from './exec-policy.ts';
export type { Unmatched, Verdict } from './verdict.ts';
