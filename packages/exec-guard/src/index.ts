/** The client of the warden: asks its caller about every program, and decides nothing itself. */
export type { ExecFacts } from '@agentbox/protocol';
