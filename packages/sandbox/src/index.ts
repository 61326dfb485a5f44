/** Decides in what a command runs: from a profile to a launch plan, and what this machine can hold. */
export type { LaunchPlan } from '@agentbox/protocol';
export { type Access, accessOf, mayRead, mayWrite } from './access.ts';
export { type DefaultFacts, defaultLimits, defaultProfile, secretsOf } from './defaults.ts';
export {
  type Egress,
  type EgressEntry,
  type EgressLimits,
  type EgressOptions,
  type EgressProtocol,
  type EgressRequest,
  type EgressVerdict,
  type PortList,
  ruleFor,
  serveEgress,
} from './egress/index.ts';
export type { BubblewrapFacts, LaunchFacts, PathFacts } from './plan/facts.ts';
export { type GitProgram, type GitPrograms, gitProgramsBelow } from './plan/git-programs.ts';
export { type Asked, PathObserver } from './plan/observe.ts';
export { standingPaths } from './plan/observe-guard.ts';
export { type Place, type Placeholder, type PlaceholderHold, Placeholders } from './plan/placeholders.ts';
export { type Launch, planLaunch } from './plan/plan-launch.ts';
export { findProblem, type LaunchProblem } from './plan/refusals.ts';
export type { GroupMode } from './probe/control-groups.ts';
export type { KernelFacts } from './probe/kernel.ts';
export {
  engineOf,
  type MachineProbe,
  type ProbeOptions,
  type ProfileReadiness,
  probeMachine,
} from './probe/machine.ts';
export type { Missing } from './probe/namespaces.ts';
export { type Clamped, clampToCeiling, type ResolvedEntry, type ResolvedWish, wishedAt } from './state/clamp.ts';
export { type Held, holdOnHost, holdToCeiling } from './state/hold.ts';
export { parseSandboxState } from './state/parse.ts';
export { canonicalProfile, resolveWish } from './state/resolve.ts';
export type { ParsedState, SandboxWish, WishAccess, WishEntry, WishFacts, WishPlace } from './state/wish.ts';
