/**
 * Turns a patch and the facts about its paths into what is to be written and removed, and into what will be said.
 * Hunks are planned one after the other over a virtual tree, so that several of them may touch one file.
 */

import { assertInvariant, unreachable } from '@agentbox/base';
import type { Nearest } from './explain.ts';
import type { FactsOf, NodeFacts, PathFacts } from './facts.ts';
import type { Hunk, Patch, UpdateHunk } from './patch.ts';
import { unquoted } from './quotes.ts';
import { type PlannedWrite, sameBytes, VirtualTree } from './tree.ts';
import { updateBytes } from './update.ts';
import { encodeUtf8 } from './utf8.ts';

export interface PlanOptions {
  /** nothing is planned when one hunk fails; false keeps what the hunks before it do */
  readonly atomic: boolean;
  /** refuse a chunk that could stand in several places, and matches that need folding */
  readonly strict: boolean;
  /** let Add File and Move to replace a file that exists */
  readonly clobber: boolean;
}

export interface FileReport {
  /** as the patch names it */
  readonly path: string;
  readonly change: 'added' | 'modified' | 'deleted' | 'moved' | 'overwritten' | 'unchanged';
  readonly movedFrom: string | null;
  /** lines */
  readonly added: number;
  readonly removed: number;
}

export interface PlanNote {
  readonly path: string;
  readonly text: string;
  /** belongs to the answer's text, not only to its data */
  readonly printed: boolean;
}

export interface PlanFailure {
  readonly kind: 'empty' | 'missing' | 'unreadable' | 'unwritable' | 'not-a-file' | 'exists' | 'mismatch' | 'forbidden';
  /** what Codex says, and what helps beside it */
  readonly message: string;
  readonly path: string;
  readonly target: string;
  readonly patchLine: number | null;
  readonly nearest: Nearest | null;
  readonly matches: readonly number[];
}

export interface Plan {
  readonly writes: readonly PlannedWrite[];
  readonly removals: readonly string[];
  readonly files: readonly FileReport[];
  readonly notes: readonly PlanNote[];
  readonly failure: PlanFailure | null;
}

/** What one hunk does to the tree, decided before anything of it is done. */
type Step =
  | { readonly kind: 'done'; readonly file: FileReport; readonly notes: readonly PlanNote[]; act(): void }
  | { readonly kind: 'failed'; readonly failure: PlanFailure };

const linesIn = (content: string): number => content.split('\n').length - 1;

class Planner {
  readonly #tree = new VirtualTree();
  readonly #facts: FactsOf;
  readonly #options: PlanOptions;

  constructor(facts: FactsOf, options: PlanOptions) {
    this.#facts = facts;
    this.#options = options;
  }

  get tree(): VirtualTree {
    return this.#tree;
  }

  step(hunk: Hunk): Step {
    switch (hunk.kind) {
      case 'add':
        return this.#add(this.#made(hunk.path), hunk.content, hunk.line);
      case 'delete':
        return this.#delete(this.#existing(hunk.path), hunk.line);
      case 'update':
        return this.#update(hunk);
      default:
        return unreachable(hunk);
    }
  }

  #at(path: string): PathFacts {
    const facts = this.#facts.get(path);
    assertInvariant(facts !== undefined, `facts about ${path} are given`);
    return facts;
  }

  /** The name itself, or the name without its quotation marks when only that exists. */
  #existing(path: string): string {
    const bare = unquoted(path);
    if (bare === null || this.#tree.node(this.#at(path)).kind !== 'missing') return path;
    return this.#tree.node(this.#at(bare)).kind === 'missing' ? path : bare;
  }

  /** For a name that the patch makes: without quotation marks, unless something of that very name exists. */
  #made(path: string): string {
    const bare = unquoted(path);
    return bare !== null && this.#tree.node(this.#at(path)).kind === 'missing' ? bare : path;
  }

  #fail(kind: PlanFailure['kind'], message: string, path: string, line: number, more: Partial<PlanFailure> = {}): Step {
    const target = this.#at(path).target;
    return {
      kind: 'failed',
      failure: { kind, message, path, target, patchLine: line, nearest: null, matches: [], ...more },
    };
  }

  /** Why `path` cannot be written, or null. */
  #unwritable(path: string, line: number): Step | null {
    const facts = this.#at(path);
    if (facts.forbidden !== null) return this.#fail('forbidden', facts.forbidden, path, line);
    const node = this.#tree.node(facts);
    const obstacle = this.#obstacle(facts, node, path);
    if (obstacle !== null) {
      return this.#fail('not-a-file', `Failed to write file ${facts.display}\n${obstacle}`, path, line);
    }
    if (node.kind === 'unseen') {
      return this.#fail('unwritable', `Failed to write file ${facts.display}: ${node.reason}`, path, line);
    }
    if (node.kind !== 'missing' && !this.#options.clobber) {
      const message = `Failed to write file ${facts.display}: the file exists and overwriting is off`;
      return this.#fail('exists', message, path, line);
    }
    return null;
  }

  /** What stands where a file should; it is neither written into nor replaced. */
  #obstacle(facts: PathFacts, node: NodeFacts, path: string): string | null {
    if (node.kind === 'directory') return 'It is a folder.';
    if (node.kind === 'other') return `It is ${node.what}, not a regular file; nothing was changed there.`;
    if (this.#tree.isBlocked(facts)) return 'A part of its path is not a folder.';
    return /\/\.?$/u.test(path) ? "Its path ends in '/', as that of a folder does." : null;
  }

  #add(path: string, content: string, line: number): Step {
    const refusal = this.#unwritable(path, line);
    if (refusal !== null) return refusal;
    const facts = this.#at(path);
    const existed = this.#tree.node(facts).kind !== 'missing';
    const target = this.#tree.targetOf(facts);
    const notes: PlanNote[] = [];
    if (existed) notes.push({ path, text: 'overwritten', printed: true });
    if (target !== facts.name) notes.push({ path, text: `written through the link to ${target}`, printed: !existed });
    return {
      kind: 'done',
      file: { path, change: existed ? 'overwritten' : 'added', movedFrom: null, added: linesIn(content), removed: 0 },
      notes,
      act: () => this.#tree.write(facts, encodeUtf8(content), this.#tree.modeFrom(facts)),
    };
  }

  #delete(path: string, line: number): Step {
    const facts = this.#at(path);
    if (facts.forbiddenName !== null) return this.#fail('forbidden', facts.forbiddenName, path, line);
    const isLink = this.#tree.targetOf(facts) !== facts.name;
    const node = this.#tree.node(facts);
    const failed = `Failed to delete file ${facts.display}`;
    if (!isLink && node.kind === 'missing') return this.#fail('missing', failed, path, line);
    // What cannot be looked through may still be a name that can go, such as a link to itself.
    const plain = isLink || node.kind === 'file' || node.kind === 'unseen';
    const obstacle = plain ? null : this.#obstacle(facts, node, path);
    if (obstacle !== null) return this.#fail('not-a-file', `${failed}\n${obstacle}`, path, line);
    return {
      kind: 'done',
      file: { path, change: 'deleted', movedFrom: null, added: 0, removed: 0 },
      notes: isLink ? [{ path, text: 'the link was removed, what it led to was not', printed: false }] : [],
      act: () => this.#tree.remove(facts),
    };
  }

  #update(hunk: UpdateHunk): Step {
    const path = this.#existing(hunk.path);
    const facts = this.#at(path);
    if (facts.forbidden !== null) return this.#fail('forbidden', facts.forbidden, path, hunk.line);
    const node = this.#tree.node(facts);
    const failed = `Failed to read file to update ${facts.display}`;
    switch (node.kind) {
      case 'missing': {
        const why = this.#tree.isBlocked(facts)
          ? 'Not a directory (os error 20)'
          : 'No such file or directory (os error 2)';
        return this.#fail('missing', `${failed}: ${why}`, path, hunk.line);
      }
      case 'directory':
        return this.#fail('not-a-file', `${failed}: path \`${facts.display}\` is not a file`, path, hunk.line);
      case 'other': {
        const why = `path \`${facts.display}\` is not a file\n${this.#obstacle(facts, node, path)}`;
        return this.#fail('not-a-file', `${failed}: ${why}`, path, hunk.line);
      }
      case 'unreadable':
      case 'unseen':
        return this.#fail('unreadable', `${failed}: ${node.reason}`, path, hunk.line);
      case 'file':
        return this.#rewrite(hunk, path, facts, node.bytes);
      default:
        return unreachable(node);
    }
  }

  #rewrite(hunk: UpdateHunk, path: string, facts: PathFacts, before: Uint8Array): Step {
    const result = updateBytes(before, hunk, facts.display, this.#options.strict);
    const line = hunk.line;
    switch (result.kind) {
      case 'unreadable':
        return this.#fail('unreadable', `Failed to read file to update ${facts.display}: ${result.reason}`, path, line);
      case 'unwritable':
        return this.#fail('unwritable', `Failed to write file ${facts.display}: ${result.reason}`, path, line);
      case 'mismatch': {
        const { nearest, matches, patchLine } = result;
        return this.#fail('mismatch', result.message, path, patchLine, { nearest, matches });
      }
      case 'updated': {
        const counts = { added: result.added, removed: result.removed };
        const notes = result.notes.map((text) => ({ path, text, printed: true }));
        const moveTo = hunk.moveTo === null ? null : this.#made(hunk.moveTo);
        if (moveTo !== null && !this.#samePlace(facts, this.#at(moveTo))) {
          return this.#move({ path, moveTo, line, bytes: result.bytes, counts, notes });
        }
        return this.#inPlace(moveTo ?? path, facts, before, result.bytes, counts, notes);
      }
      default:
        return unreachable(result);
    }
  }

  #samePlace(from: PathFacts, to: PathFacts): boolean {
    return from.name === to.name || this.#tree.targetOf(from) === this.#tree.targetOf(to);
  }

  #inPlace(
    path: string,
    facts: PathFacts,
    before: Uint8Array,
    bytes: Uint8Array,
    counts: { readonly added: number; readonly removed: number },
    notes: readonly PlanNote[],
  ): Step {
    const same = sameBytes(before, bytes);
    const target = this.#tree.targetOf(facts);
    const unchanged: readonly PlanNote[] = same ? [{ path, text: 'unchanged', printed: true }] : [];
    const through: readonly PlanNote[] =
      target === facts.name ? [] : [{ path, text: `written through the link to ${target}`, printed: false }];
    return {
      kind: 'done',
      file: { path, change: same ? 'unchanged' : 'modified', movedFrom: null, ...counts },
      notes: [...notes, ...unchanged, ...through],
      act: () => this.#tree.write(facts, bytes, this.#tree.modeFrom(facts)),
    };
  }

  #move(move: {
    readonly path: string;
    readonly moveTo: string;
    readonly line: number;
    readonly bytes: Uint8Array;
    readonly counts: { readonly added: number; readonly removed: number };
    readonly notes: readonly PlanNote[];
  }): Step {
    const refusal = this.#unwritable(move.moveTo, move.line);
    if (refusal !== null) return refusal;
    const from = this.#at(move.path);
    const to = this.#at(move.moveTo);
    const existed = this.#tree.node(to).kind !== 'missing';
    const notes = existed ? [...move.notes, { path: move.moveTo, text: 'overwritten', printed: false }] : move.notes;
    return {
      kind: 'done',
      file: { path: move.moveTo, change: 'moved', movedFrom: move.path, ...move.counts },
      notes,
      act: () => {
        const modeFrom = this.#tree.modeFrom(from);
        this.#tree.write(to, move.bytes, modeFrom);
        this.#tree.remove(from);
      },
    };
  }
}

/**
 * The step for the hunk as read, or, when that does not match, for the hunk with padded markers taken as markers.
 * `strict` takes no second reading: what it refuses in the first one may not come in elsewhere by the second.
 */
function eitherReading(planner: Planner, hunk: Hunk, padded: Hunk | undefined, strict: boolean): Step {
  const step = planner.step(hunk);
  if (step.kind === 'done' || padded === undefined || strict || step.failure.kind !== 'mismatch') return step;
  const second = planner.step(padded);
  return second.kind === 'done' ? second : step;
}

const NOTHING: PlanFailure = {
  kind: 'empty',
  message: 'No files were modified.',
  path: '',
  target: '',
  patchLine: null,
  nearest: null,
  matches: [],
};

export function planPatch(patch: Patch, facts: FactsOf, options: PlanOptions): Plan {
  const planner = new Planner(facts, options);
  const files: FileReport[] = [];
  const notes: PlanNote[] = [];
  let failure: PlanFailure | null = patch.hunks.length === 0 ? NOTHING : null;
  for (const [index, hunk] of patch.hunks.entries()) {
    const step = eitherReading(planner, hunk, patch.padded?.[index], options.strict);
    if (step.kind === 'failed') {
      failure = step.failure;
      break;
    }
    step.act();
    files.push(step.file);
    notes.push(...step.notes);
  }
  if (failure !== null && options.atomic) return { writes: [], removals: [], files: [], notes: [], failure };
  return { writes: planner.tree.writes(), removals: planner.tree.removals(), files, notes, failure };
}
