/** What the planner must know about the paths of a patch. The caller looks; the planner only thinks. */
import type { Hunk, Patch } from './patch.ts';
import { unquoted } from './quotes.ts';

export type NodeFacts =
  | { readonly kind: 'missing' }
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  /** a file whose content could not be had; `reason` as the system words it */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** whether anything stands there cannot be told */
  | { readonly kind: 'unseen'; readonly reason: string }
  | { readonly kind: 'directory' }
  /** a device, a socket, a pipe; `what` says which, with its article */
  | { readonly kind: 'other'; readonly what: string };

export interface PathFacts {
  /** absolute path as messages name it */
  readonly display: string;
  /** where the name itself stands: the real path of its folder and its last part */
  readonly name: string;
  /** where reading and writing through the name end up; differs from `name` for a symbolic link */
  readonly target: string;
  /** what stands at `target` */
  readonly node: NodeFacts;
  /** the first part of the path that exists and is no directory */
  readonly blockedBy: string | null;
  /** why the path may not be read or written through */
  readonly forbidden: string | null;
  /** why the name itself may not be taken away; a link may go although what it leads to is out of reach */
  readonly forbiddenName: string | null;
}

export type FactsOf = ReadonlyMap<string, PathFacts>;

function pathsOfHunk(hunk: Hunk): readonly string[] {
  const paths = hunk.kind === 'update' && hunk.moveTo !== null ? [hunk.path, hunk.moveTo] : [hunk.path];
  return paths.flatMap((path) => {
    const bare = unquoted(path);
    return bare === null ? [path] : [path, bare];
  });
}

/** Every path that planning this patch may ask about. */
export function pathsOf(patch: Patch): readonly string[] {
  return [...new Set([...patch.hunks, ...(patch.padded ?? [])].flatMap(pathsOfHunk))];
}
