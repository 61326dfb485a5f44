/** Decides in what a command runs: from a profile to a launch plan, and what this machine can hold. */
export type { LaunchPlan } from '@agentbox/protocol';
