/**
 * The files of a patch as they would be after each of its hunks: the facts, with the changes so far laid over them.
 * Paths here are real ones, so that two names of one file are one file.
 */
import type { NodeFacts, PathFacts } from './facts.ts';

/** One content that the patch as a whole leaves under a name; what happens in between is not written. */
export interface PlannedWrite {
  readonly path: string;
  readonly content: Uint8Array;
  /** the file whose mode and owner the new content takes; null for a new file */
  readonly modeFrom: string | null;
}

interface Overlay {
  /** null: removed */
  readonly content: Uint8Array | null;
  readonly modeFrom: string | null;
}

export class VirtualTree {
  readonly #overlay = new Map<string, Overlay>();
  /** how many contents of the overlay lie below each folder; asked for each new file, so it is kept at hand */
  readonly #contentsBelow = new Map<string, number>();
  readonly #before = new Map<string, NodeFacts | 'link'>();

  /** A link that the patch has removed leads nowhere any more: its name is then a place of its own. */
  targetOf(facts: PathFacts): string {
    return this.#overlay.has(facts.name) ? facts.name : facts.target;
  }

  node(facts: PathFacts): NodeFacts {
    const target = this.targetOf(facts);
    const over = this.#overlay.get(target);
    if (over !== undefined) return over.content === null ? { kind: 'missing' } : { kind: 'file', bytes: over.content };
    // Something has been written below a path that was free: it is a folder now.
    if (facts.node.kind === 'missing' && this.#hasBelow(target)) return { kind: 'directory' };
    return facts.node;
  }

  /** Whether a folder of the path is a file, before the patch or by it. */
  isBlocked(facts: PathFacts): boolean {
    const target = this.targetOf(facts);
    if (facts.blockedBy !== null && this.#overlay.get(facts.blockedBy)?.content !== null) return true;
    for (let end = target.lastIndexOf('/'); end > 0; end = target.lastIndexOf('/', end - 1)) {
      const over = this.#overlay.get(target.slice(0, end));
      if (over !== undefined && over.content !== null) return true;
    }
    return false;
  }

  /** A mode travels with the content through moves within one patch, so it may come from a name that is gone. */
  modeFrom(facts: PathFacts): string | null {
    const target = this.targetOf(facts);
    const over = this.#overlay.get(target);
    if (over !== undefined) return over.modeFrom;
    return facts.node.kind === 'missing' ? null : target;
  }

  /** Goes through links to what they lead to, as writing on the disk does. */
  write(facts: PathFacts, content: Uint8Array, modeFrom: string | null): void {
    this.#remember(this.targetOf(facts), facts);
    this.#lay(this.targetOf(facts), { content, modeFrom });
  }

  /** Takes away the name itself, so a link goes and its target stays. */
  remove(facts: PathFacts): void {
    this.#remember(facts.name, facts);
    this.#lay(facts.name, { content: null, modeFrom: null });
  }

  /** Content at the end that differs from the beginning. */
  writes(): readonly PlannedWrite[] {
    return [...this.#overlay].flatMap(([path, over]) => {
      if (over.content === null) return [];
      const before = this.#before.get(path);
      const same =
        before !== undefined && before !== 'link' && before.kind === 'file' && sameBytes(before.bytes, over.content);
      return same && over.modeFrom === path ? [] : [{ path, content: over.content, modeFrom: over.modeFrom }];
    });
  }

  /** Names that were there at the beginning and are not at the end. */
  removals(): readonly string[] {
    return [...this.#overlay].flatMap(([path, over]) => {
      const before = this.#before.get(path);
      const was = before === 'link' || (before !== undefined && before.kind !== 'missing');
      return over.content === null && was ? [path] : [];
    });
  }

  #remember(path: string, facts: PathFacts): void {
    if (this.#before.has(path)) return;
    this.#before.set(path, path === facts.target ? facts.node : 'link');
  }

  /** Every change of the overlay goes through here, so that the folders above its contents stay counted. */
  #lay(path: string, over: Overlay): void {
    const had = this.#overlay.get(path);
    const step = Number(over.content !== null) - Number(had !== undefined && had.content !== null);
    this.#overlay.set(path, over);
    if (step === 0) return;
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end);
      this.#contentsBelow.set(folder, (this.#contentsBelow.get(folder) ?? 0) + step);
    }
  }

  #hasBelow(path: string): boolean {
    return (this.#contentsBelow.get(path) ?? 0) > 0;
  }
}

/** By hand, because this room has no Buffer; most calls end at the length. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}
