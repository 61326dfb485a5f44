/** Patches as Codex writes them: text to patch, patch and facts to plan, plan to text. Pure: the caller reads and writes. */

export type { Nearest } from './explain.ts';
export { type FactsOf, type NodeFacts, type PathFacts, pathsOf } from './facts.ts';
export { isBarePatch, parseApplyPatchInvocation } from './invocation.ts';
export { parsePatch } from './parse.ts';
export type { Chunk, ChunkLine, Hunk, ParseResult, Patch, PatchSyntaxError } from './patch.ts';
export { type FileReport, type Plan, type PlanFailure, type PlanNote, type PlanOptions, planPatch } from './plan.ts';
export { printPatch } from './print.ts';
export { type Printed, printFailure, printPlan, syntaxErrorText } from './report.ts';
export type { PlannedWrite } from './tree.ts';
