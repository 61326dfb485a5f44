/**
 * Applies a patch to the machine's files: look, plan, write, all under the locks of the paths it touches. A refusal is
 * an answer with an exit code, as Codex gives it; only a fault of the machine itself throws.
 */

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type FileReport,
  type Patch,
  type Plan,
  parsePatch,
  pathsOf,
  planPatch,
  printFailure,
  printPlan,
  syntaxErrorText,
} from '@agentbox/apply-patch';
import type { Detail, ErrorCode, PatchReply, PatchRequest } from '@agentbox/protocol';
import { AgentboxError } from '@agentbox/protocol';
import { type Boundary, boundaryOf } from './boundary.ts';
import { type Change, ChangeError } from './change.ts';
import { MAX_ATTEMPTS, MAX_PATCH_BYTES, MAX_PATHS, MAX_READ_BYTES } from './limits.ts';
import type { PathLocks } from './locks.ts';
import { type Observed, observe, sameStamp, stampAt } from './observe.ts';
import { Pace } from './pace.ts';
import { recover } from './recover.ts';
import { Paths } from './resolve.ts';
import { expectErrno, systemText } from './system-error.ts';
import { Transaction } from './transaction.ts';

/** files that a failure without `atomic` names as changed */
const MAX_NAMED = 50;

type Observations = ReadonlyMap<string, Observed>;

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: Detail;
}

function refuse(refusal: Refusal, files: readonly FileReport[] = []): PatchReply {
  const { code, detail } = refusal;
  return { ...printFailure(refusal.message), files, notes: [], failure: { code, detail } };
}

/** A directory that does not exist is a slip of the caller, and nothing that a patch should make. */
function assertWorkdir(cwd: string): void {
  const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  try {
    if (isFolder(cwd)) return;
    let nearest = dirname(cwd);
    while (!isFolder(nearest)) nearest = dirname(nearest);
    const message = `the working directory ${cwd} is not there; the nearest that is one is ${nearest}`;
    throw new AgentboxError('WORKDIR_NOT_FOUND', message, { path: cwd, nearest });
  } catch (fault) {
    if (fault instanceof AgentboxError) throw fault;
    const message = `the working directory ${cwd} cannot be used: ${systemText(expectErrno(fault))}`;
    throw new AgentboxError('WORKDIR_NOT_FOUND', message, { path: cwd });
  }
}

async function observeAll(paths: readonly string[], cwd: string, boundary: Boundary | null): Promise<Observations> {
  const seen = new Map<string, Observed>();
  const pace = new Pace();
  const resolved = new Paths();
  const budget = { left: MAX_READ_BYTES };
  for (const path of paths) {
    seen.set(path, await observe(resolved, cwd, path, boundary, budget));
    if (pace.isDue) await pace.rest();
  }
  return seen;
}

function planRefusal(plan: Plan): Refusal | null {
  const { failure } = plan;
  if (failure === null) return null;
  const codes: Readonly<Record<typeof failure.kind, ErrorCode>> = {
    empty: 'PATCH_INVALID',
    missing: 'FILE_NOT_FOUND',
    unreadable: 'FILE_UNUSABLE',
    unwritable: 'FILE_UNUSABLE',
    'not-a-file': 'NOT_A_FILE',
    exists: 'FILE_EXISTS',
    mismatch: 'PATCH_FAILED',
    forbidden: 'PATH_FORBIDDEN',
  };
  const detail = {
    path: failure.path,
    target: failure.target,
    ...(failure.patchLine === null ? {} : { patchLine: failure.patchLine }),
    ...(failure.nearest === null ? {} : { nearestLine: failure.nearest.line, nearestColumn: failure.nearest.column }),
    ...(failure.nearest === null ? {} : { expected: failure.nearest.expected, actual: failure.nearest.actual ?? '' }),
    ...(failure.matches.length === 0 ? {} : { matches: failure.matches.map(String) }),
  };
  return { code: codes[failure.kind], message: failure.message, detail };
}

/** Without `atomic` the hunks before the failing one have been carried out, which the caller has to know. */
function remainsText(files: readonly FileReport[]): string {
  const paths = [...new Set(files.filter(({ change }) => change !== 'unchanged').map(({ path }) => path))];
  if (paths.length === 0) return '';
  const more = paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : '';
  return `\nThe hunks before this one were carried out and stay: ${paths.slice(0, MAX_NAMED).join(', ')}${more}`;
}

function changesOf(plan: Plan): readonly Change[] {
  return [...plan.writes, ...plan.removals.map((path) => ({ path, content: null, modeFrom: null }))];
}

/** Whether what was read is still what is there. `ours`: what this patch has changed itself meanwhile. */
async function isFresh(seen: Observations, ours: (path: string) => boolean): Promise<boolean> {
  const pace = new Pace();
  for (const { facts, stamp } of seen.values()) {
    if (pace.isDue) await pace.rest();
    if (facts.forbidden !== null || ours(facts.target) || (facts.blockedBy !== null && ours(facts.blockedBy))) continue;
    if (facts.node.kind === 'file' && !sameStamp(stamp, stampAt(facts.target))) return false;
    if (facts.node.kind === 'missing' && stampAt(facts.target) !== null) return false;
  }
  return true;
}

function ioRefusal(fault: ChangeError, seen: Observations, stuck: readonly string[]): Refusal {
  const { change, errno } = fault;
  const owner = [...seen.values()].find(({ facts }) => facts.name === change.path || facts.target === change.path);
  const display = owner?.facts.display ?? change.path;
  const what = change.content === null ? 'delete' : 'write';
  const lost = stuck.length === 0 ? '' : `\nNot everything could be put back: ${stuck.join('; ')}`;
  return {
    code: errno === 'ENOSPC' || errno === 'EDQUOT' ? 'DISK_FULL' : 'FILE_UNUSABLE',
    message: `Failed to ${what} file ${display}: ${systemText(errno)}${lost}`,
    detail: { path: display, errno, rolledBack: stuck.length === 0 },
  };
}

/** Looked at before anything is prepared, and again when all that takes long is over. */
async function carryOut(changes: readonly Change[], seen: Observations): Promise<Refusal | null | 'stale'> {
  const transaction = new Transaction();
  try {
    if (!(await isFresh(seen, () => false))) return 'stale';
    await transaction.stage(changes);
    if (!(await isFresh(seen, (path) => transaction.hasTouched(path)))) {
      await transaction.rollback();
      return 'stale';
    }
    await transaction.commit(changes);
  } catch (fault) {
    const stuck = await transaction.rollback();
    if (fault instanceof ChangeError) return ioRefusal(fault, seen, stuck);
    if (fault instanceof AgentboxError) return { code: fault.code, message: fault.message, detail: fault.detail };
    throw fault;
  }
  await transaction.finish();
  return null;
}

function reply(plan: Plan): PatchReply {
  const refusal = planRefusal(plan);
  if (refusal !== null) return refuse({ ...refusal, message: refusal.message + remainsText(plan.files) }, plan.files);
  const notes = plan.notes.map((note) => `${note.path}: ${note.text}`);
  return { ...printPlan(plan), files: plan.files, notes, failure: null };
}

async function applyOnce(
  patch: Patch,
  request: PatchRequest,
  boundary: Boundary | null,
): Promise<PatchReply | 'stale'> {
  const seen = await observeAll(pathsOf(patch), request.cwd, boundary);
  const facts = new Map([...seen].map(([path, one]) => [path, one.facts]));
  const plan = planPatch(patch, facts, request.options);
  const refusal = await carryOut(changesOf(plan), seen);
  if (refusal === 'stale') return 'stale';
  return refusal === null ? reply(plan) : refuse(refusal);
}

async function applyFresh(patch: Patch, request: PatchRequest, boundary: Boundary | null): Promise<PatchReply> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const answer = await applyOnce(patch, request, boundary);
    if (answer !== 'stale') return answer;
  }
  const message = 'The files changed each time while the patch was being applied; nothing was written.';
  return refuse({ code: 'OVERLOADED', message, detail: { attempts: MAX_ATTEMPTS } });
}

export async function applyPatch(request: PatchRequest, locks: PathLocks): Promise<PatchReply> {
  const bytes = Buffer.byteLength(request.patch);
  if (bytes > MAX_PATCH_BYTES) {
    const message = `Invalid patch: it has ${bytes} bytes, the limit is ${MAX_PATCH_BYTES}`;
    return refuse({ code: 'PATCH_INVALID', message, detail: { bytes, limit: MAX_PATCH_BYTES } });
  }
  const parsed = parsePatch(request.patch);
  if (parsed.kind === 'invalid') {
    const { line } = parsed.error;
    return refuse({
      code: 'PATCH_INVALID',
      message: syntaxErrorText(parsed.error),
      detail: line === null ? {} : { line },
    });
  }
  const paths = pathsOf(parsed.patch);
  const bad = paths.find((path) => path.includes('\0'));
  if (bad !== undefined || paths.length > MAX_PATHS) {
    const message =
      bad === undefined
        ? `Invalid patch: it names more than ${MAX_PATHS} files`
        : 'Invalid patch: a path holds a NUL character';
    return refuse({ code: 'PATCH_INVALID', message, detail: {} });
  }
  assertWorkdir(request.cwd);
  const boundary = await boundaryOf(request);
  const names = realNames(paths, request.cwd);
  return locks.run(names, async () => {
    const recovered = await recover(foldersOf(names, boundary));
    const answer = await applyFresh(parsed.patch, request, boundary);
    return recovered.length === 0 ? answer : { ...answer, notes: [...recovered, ...answer.notes] };
  });
}

/** All real paths that a patch may touch: the names themselves, and where they lead. */
function realNames(paths: readonly string[], cwd: string): readonly string[] {
  const resolved = new Paths();
  return paths.flatMap((path) => {
    const { name, target } = resolved.resolve(cwd, path);
    return name === target ? [name] : [name, target];
  });
}

/** Where an earlier patch may have left something; nothing outside the boundary is looked at. */
function foldersOf(names: readonly string[], boundary: Boundary | null): ReadonlySet<string> {
  const folders = names.map((name) => dirname(name));
  return new Set(boundary === null ? folders : folders.filter((folder) => boundary.holds(folder)));
}
