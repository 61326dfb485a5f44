/** The client of the warden: asks its caller about every program, and decides nothing itself. */
export { wardenArgv } from './argv.ts';
export {
  attachGuard,
  type Guard,
  type GuardDecision,
  type GuardFacts,
  type GuardHooks,
  type RanFacts,
} from './guard.ts';
export { type LocatedWarden, locateWarden } from './locate.ts';
