/** A parsed patch as text again: parsing the text gives the same patch. */

import { unreachable } from '@agentbox/base';
import { BEGIN_PATCH, END_PATCH } from './lines-parser.ts';
import type { Chunk, Hunk, Patch } from './patch.ts';

function printChunk(chunk: Chunk): readonly string[] {
  return [
    ...(chunk.contexts.length === 0 ? ['@@'] : chunk.contexts.map((context) => `@@ ${context}`)),
    ...chunk.lines.map((line) => `${line.sign}${line.text}`),
    ...(chunk.endOfFile ? ['*** End of File'] : []),
  ];
}

function printHunk(hunk: Hunk): readonly string[] {
  switch (hunk.kind) {
    case 'add':
      return [
        `*** Add File: ${hunk.path}`,
        ...hunk.content
          .split('\n')
          .slice(0, -1)
          .map((line) => `+${line}`),
      ];
    case 'delete':
      return [`*** Delete File: ${hunk.path}`];
    case 'update':
      return [
        `*** Update File: ${hunk.path}`,
        ...(hunk.moveTo === null ? [] : [`*** Move to: ${hunk.moveTo}`]),
        ...hunk.chunks.flatMap(printChunk),
      ];
    default:
      return unreachable(hunk);
  }
}

export function printPatch(patch: Patch): string {
  const environment = patch.environmentId === null ? [] : [`*** Environment ID: ${patch.environmentId}`];
  const lines = [BEGIN_PATCH, ...environment, ...patch.hunks.flatMap(printHunk), END_PATCH];
  // Reading takes one carriage return off a line, so a line that ends in one is given another.
  return lines.map((line) => (line.endsWith('\r') ? `${line}\r\n` : `${line}\n`)).join('');
}
