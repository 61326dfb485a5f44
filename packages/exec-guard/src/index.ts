/** The client of the warden: asks its caller about every program, and decides nothing itself. */
export { wardenArgv } from './argv.ts';
export type { GuardDecision } from './decisions.ts';
export type { GuardFacts, RanFacts } from './facts.ts';
export { attachGuard, type Guard, type GuardHooks } from './guard.ts';
export { type LocatedWarden, locateWarden } from './locate.ts';
