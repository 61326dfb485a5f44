/** The rules in force, and what they come to for one program or connection. */
export type { Amended, Flock, Preview } from './amend.ts';
export type { DecideContext } from './decide.ts';
export { environmentForEscalation } from './escalation-environment.ts';
export { type ExecPolicy, type ExecPolicyOptions, openExecPolicy, type PolicyFigures } from './exec-policy.ts';
export type { Heads } from './heads.ts';
export type { NetworkProtocol, NetworkVerdict } from './network.ts';
export type { RulesDirectory } from './sources.ts';
export type { Unmatched, Verdict } from './verdict.ts';
