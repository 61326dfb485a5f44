/**
 * Text to patch. What Codex reads is read the same way; what it refuses is read once more with the tolerance of this
 * room (wrappers around exactly one patch, stacked `@@`), and if that fails too, its message is given.
 */
import { BEGIN_PATCH, END_PATCH, FIRST_LINE, LAST_LINE, type LinesResult, parseLines } from './lines-parser.ts';
import type { Hunk, ParseResult, PatchSyntaxError } from './patch.ts';
import { linesOf, trim, trimEnd } from './text.ts';

const HEREDOCS: ReadonlySet<string> = new Set(['<<EOF', "<<'EOF'", '<<"EOF"']);
const STRICT = { tolerant: false, padded: false };
const TOLERANT = { tolerant: true, padded: false };
const PADDED = { tolerant: true, padded: true };

type Bounds = { readonly lines: readonly string[] } | { readonly error: PatchSyntaxError };

/** The first and the last line, in the order in which Codex complains about them. */
function checkMarkers(lines: readonly string[]): Bounds {
  const [first] = lines;
  if (first !== undefined && trim(first) !== BEGIN_PATCH) return { error: { line: null, message: FIRST_LINE } };
  const last = lines.at(-1);
  if (lines.length < 2 || last === undefined || trim(last) !== END_PATCH) {
    return { error: { line: null, message: LAST_LINE } };
  }
  return { lines };
}

/** The patch, or the patch inside the one heredoc wrapper that Codex knows. */
function boundsOf(lines: readonly string[]): Bounds {
  const bounds = checkMarkers(lines);
  if ('lines' in bounds || lines.length < 4) return bounds;
  const wrapped = HEREDOCS.has(lines[0] ?? '') && (lines.at(-1) ?? '').endsWith('EOF');
  return wrapped ? checkMarkers(lines.slice(1, -1)) : bounds;
}

/** The only patch in a text of other lines, or null when there is none or more than one. */
function onlyBlock(lines: readonly string[]): readonly string[] | null {
  const begins = lines.flatMap((line, index) => (stripMark(trim(line)) === BEGIN_PATCH ? [index] : []));
  const [begin] = begins;
  if (begin === undefined || begins.length !== 1) return null;
  const after = lines.slice(begin);
  // A removed, added or kept line may spell the marker, but only an unindented one ends the patch.
  const ends = after.flatMap((line, index) => (trimEnd(line) === END_PATCH ? [index] : []));
  const [end] = ends;
  return end === undefined || ends.length !== 1 ? null : after.slice(0, end + 1);
}

const stripMark = (line: string): string => (line.startsWith('\ufeff') ? line.slice(1) : line);

const sameHunks = (left: readonly Hunk[], right: readonly Hunk[]): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

function accept(lines: readonly string[], read: LinesResult): ParseResult {
  const indented = lines.some((line) => /^\s+(@@|\*\*\* (Move to|End of File))/u.test(line));
  const padded = indented ? parseLines(lines, PADDED) : null;
  const differs = padded !== null && padded.error === null && padded.hunks.length === read.hunks.length;
  return {
    kind: 'patch',
    patch: {
      environmentId: read.environmentId,
      hunks: read.hunks,
      padded: differs && !sameHunks(padded.hunks, read.hunks) ? padded.hunks : null,
    },
  };
}

/** Never throws; the error of the strict reading counts, because its line is the one that Codex would name. */
export function parsePatch(text: string): ParseResult {
  const all = linesOf(trim(text));
  const bounds = boundsOf(all);
  const strict = 'lines' in bounds ? parseLines(bounds.lines, STRICT) : null;
  if ('lines' in bounds && strict?.error === null) return accept(bounds.lines, strict);
  const block = onlyBlock(all);
  if (block !== null) {
    const tolerant = parseLines(block, TOLERANT);
    if (tolerant.error === null) return accept(block, tolerant);
    if (strict === null) return { kind: 'invalid', error: tolerant.error };
  }
  const error = strict?.error ?? ('error' in bounds ? bounds.error : { line: null, message: LAST_LINE });
  return { kind: 'invalid', error };
}
