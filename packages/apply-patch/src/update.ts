/** Applies the chunks of one update to the bytes of one file. */
import { unreachable } from '@agentbox/base';
import { decodeFile, encodeFile } from './encoding.ts';
import { type Nearest, nearest, nearestText } from './explain.ts';
import type { UpdateHunk } from './patch.ts';
import { type Behind, type PlaceFailure, type PlaceNote, placeChunks, type Replacement } from './place.ts';
import { rewrite } from './rewrite.ts';
import { readSource, type Source } from './source.ts';

export type UpdateResult =
  | {
      readonly kind: 'updated';
      readonly bytes: Uint8Array;
      readonly added: number;
      readonly removed: number;
      readonly notes: readonly string[];
    }
  | { readonly kind: 'unreadable'; readonly reason: string }
  | { readonly kind: 'unwritable'; readonly reason: string }
  | {
      readonly kind: 'mismatch';
      readonly message: string;
      readonly patchLine: number;
      readonly nearest: Nearest | null;
      readonly matches: readonly number[];
    };

function noteText(note: PlaceNote): string {
  switch (note.kind) {
    case 'ambiguous':
      return `ambiguous: ${note.matches} matches, used line ${note.line}`;
    case 'folded':
      return `matched line ${note.line} with spaces, invisible characters and composition folded`;
    case 'not-at-end':
      return `the chunk marked as the end of the file is not there: used the last match, line ${note.line}`;
    case 'out-of-order':
      return `the chunk stands before the one above it: used its only match, line ${note.line}`;
    default:
      return unreachable(note);
  }
}

function behindText({ line, usedBy, after }: Behind): string {
  if (usedBy !== null) {
    return `Overlap: this stands at line ${line}, of which the chunk at line ${usedBy.line} of the patch already takes a part; make one chunk of both.`;
  }
  return `Too far up: this stands at line ${line}, but the search begins after line ${after}, because of the @@ line or the chunk above; a line named by @@ is not repeated in the chunk.`;
}

/** Codex's message first, word for word, then what helps beside it. */
function mismatch(source: Source, failure: PlaceFailure, display: string): UpdateResult {
  const patchLine = failure.chunk.line;
  const old = failure.chunk.lines.filter((line) => line.sign !== '+').map((line) => line.text);
  if (failure.kind === 'ambiguous') {
    const places = failure.lines.join(', ');
    const message = `Failed to find expected lines in ${display}:\n${old.join('\n')}\nAmbiguous: the chunk matches at lines ${places}; add context lines until it matches in one place.`;
    return { kind: 'mismatch', message, patchLine, nearest: null, matches: failure.lines };
  }
  const near =
    failure.behind === null ? nearest(source, failure.kind === 'context' ? [failure.text] : failure.old) : null;
  const first =
    failure.kind === 'context'
      ? `Failed to find context '${failure.text}' in ${display}`
      : `Failed to find expected lines in ${display}:\n${old.join('\n')}`;
  const why = failure.behind !== null ? behindText(failure.behind) : near !== null ? nearestText(near) : null;
  const message = `${first}\n${why ?? `Nothing like it is in the file. The chunk begins at line ${patchLine} of the patch.`}`;
  return { kind: 'mismatch', message, patchLine, nearest: near, matches: [] };
}

const count = (replacements: readonly Replacement[], size: (one: Replacement) => number): number =>
  replacements.reduce((sum, one) => sum + size(one), 0);

/** `display` only serves the messages. Nothing is kept of a chunk that fits when a later one does not. */
export function updateBytes(before: Uint8Array, hunk: UpdateHunk, display: string, strict: boolean): UpdateResult {
  const decoded = decodeFile(before);
  if (decoded.kind === 'refused') return { kind: 'unreadable', reason: decoded.reason };
  const source = readSource(decoded.bytes);
  const placed = placeChunks(source, hunk.chunks, strict);
  if (placed.kind === 'failed') return mismatch(source, placed.failure, display);
  const encoded = encodeFile(rewrite(source, placed.replacements), decoded.encoding);
  if (encoded.kind === 'refused') return { kind: 'unwritable', reason: encoded.reason };
  return {
    kind: 'updated',
    bytes: encoded.bytes,
    added: count(placed.replacements, (one) => one.lines.length),
    removed: count(placed.replacements, (one) => one.to - one.from),
    notes: placed.notes.map(noteText),
  };
}
