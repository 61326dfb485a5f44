/** The box daemon: sessions, terminals, process trees, output logs and file operations behind one socket. */
export { type Boxd, type BoxdOptions, DEFAULT_LIMITS, startBoxd } from './boxd.ts';
export { fileOperations } from './file-operations.ts';
export { type RulesDirectory, readSources } from './policy/sources.ts';
export { Tracking, type TrackingKind } from './process/tracking.ts';
export type { SessionLimits } from './session/sessions.ts';
