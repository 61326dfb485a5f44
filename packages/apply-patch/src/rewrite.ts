/** Carries out replacements on the bytes of a file. Untouched lines keep their bytes and their own line ends. */
import type { Replacement } from './place.ts';
import type { Source } from './source.ts';
import { concatBytes, encodeUtf8 } from './utf8.ts';

/** New lines take the file's first line end; a last line without one gets it. */
export function rewrite(source: Source, replacements: readonly Replacement[]): Uint8Array {
  const lineEnd = encodeUtf8(source.lineEnd);
  const parts: Uint8Array[] = [];
  const keep = (from: number, to: number): void => {
    if (to <= from) return;
    parts.push(source.bytes.subarray(source.starts[from] ?? 0, source.starts[to] ?? source.bytes.length));
    if (to === source.count && !source.endsInLineEnd) parts.push(lineEnd);
  };
  let at = 0;
  for (const replacement of replacements) {
    keep(at, replacement.from);
    for (const line of replacement.lines) parts.push(encodeUtf8(line), lineEnd);
    at = Math.max(at, replacement.to);
  }
  keep(at, source.count);
  return concatBytes(parts);
}
