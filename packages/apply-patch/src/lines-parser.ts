/**
 * The state machine that reads a patch line by line. Strict reading accepts what Codex accepts, with its messages;
 * `tolerant` also takes stacked `@@` lines and blank lines before the first header; `padded` takes indented markers.
 */
import { assertInvariant } from '@agentbox/base';
import type { Chunk, ChunkLine, Hunk, PatchSyntaxError } from './patch.ts';
import { trim, trimEnd } from './text.ts';

export const BEGIN_PATCH = '*** Begin Patch';
export const END_PATCH = '*** End Patch';
const ADD_FILE = '*** Add File: ';
const DELETE_FILE = '*** Delete File: ';
const UPDATE_FILE = '*** Update File: ';
const MOVE_TO = '*** Move to: ';
const END_OF_FILE = '*** End of File';
const ENVIRONMENT = '*** Environment ID:';

export const FIRST_LINE = `The first line of the patch must be '${BEGIN_PATCH}'`;
export const LAST_LINE = `The last line of the patch must be '${END_PATCH}'`;
const HEADERS = `Valid hunk headers: '${ADD_FILE}{path}', '${DELETE_FILE}{path}', '${UPDATE_FILE}{path}'`;
const SIGNS = "Every line should start with ' ' (context line), '+' (added line), or '-' (removed line)";

export interface Reading {
  readonly tolerant: boolean;
  readonly padded: boolean;
}

export interface LinesResult {
  readonly environmentId: string | null;
  readonly hunks: readonly Hunk[];
  readonly error: PatchSyntaxError | null;
}

interface OpenChunk {
  readonly contexts: string[];
  readonly lines: ChunkLine[];
  endOfFile: boolean;
  readonly line: number;
}

type Open =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'add'; readonly path: string; readonly content: string[]; readonly line: number }
  | { readonly kind: 'delete'; readonly path: string; readonly line: number }
  | {
      readonly kind: 'update';
      readonly path: string;
      moveTo: string | null;
      readonly chunks: OpenChunk[];
      readonly line: number;
    };

type OpenUpdate = Extract<Open, { readonly kind: 'update' }>;

const isMarker = (line: string): boolean => line === '@@' || line.startsWith('@@ ');
const freeze = (chunk: OpenChunk): Chunk => ({ ...chunk });

function freezeHunk(open: Exclude<Open, { readonly kind: 'nothing' }>): Hunk {
  if (open.kind === 'add') return { ...open, content: open.content.map((line) => `${line}\n`).join('') };
  if (open.kind === 'delete') return open;
  return { ...open, chunks: open.chunks.map(freeze) };
}

class LinesParser {
  readonly #reading: Reading;
  readonly #hunks: Hunk[] = [];
  #open: Open = { kind: 'nothing' };
  #ended = false;
  #environmentId: string | null = null;
  #number = 0;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** `lines` begins with the begin marker and ends with the end marker. */
  parse(lines: readonly string[]): LinesResult {
    this.#number = 1;
    for (const line of lines.slice(1, -1)) {
      this.#number += 1;
      const error = this.#line(line);
      if (error !== null) return this.#result(error);
    }
    this.#number += 1;
    // Something after an earlier end marker has already been refused, unless it was blank.
    const error = this.#ended ? null : this.#close(END_PATCH);
    return this.#result(error);
  }

  #result(error: PatchSyntaxError | null): LinesResult {
    return { environmentId: this.#environmentId, hunks: this.#hunks, error };
  }

  #fail(message: string, line = this.#number): PatchSyntaxError {
    return { line, message };
  }

  #line(line: string): PatchSyntaxError | null {
    const trimmed = trim(line);
    if (this.#ended) return trimmed === '' ? null : { line: null, message: LAST_LINE };
    if (this.#open.kind === 'update') return this.#updateLine(this.#open, line);
    if (this.#open.kind === 'nothing') {
      if (trimmed.startsWith(ENVIRONMENT)) return this.#environment(trim(trimmed.slice(ENVIRONMENT.length)));
      if (trimmed === '' && this.#reading.tolerant) return null;
    }
    const header = this.#header(trimmed);
    if (header !== 'no') return header;
    if (this.#open.kind === 'add' && line.startsWith('+')) {
      this.#open.content.push(line.slice(1));
      return null;
    }
    return this.#fail(`'${trimmed}' is not a valid hunk header. ${HEADERS}`);
  }

  #environment(id: string): PatchSyntaxError | null {
    if (this.#environmentId !== null) {
      return { line: null, message: 'apply_patch environment_id cannot be specified more than once' };
    }
    if (id === '') return { line: null, message: 'apply_patch environment_id cannot be empty' };
    this.#environmentId = id;
    return null;
  }

  /** `no`: the line is no header; null: it was taken. */
  #header(line: string): PatchSyntaxError | null | 'no' {
    if (line === END_PATCH) {
      const error = this.#close(line);
      this.#ended = error === null;
      return error;
    }
    const open = this.#opened(line);
    if (open === null) return 'no';
    const error = this.#close(line);
    if (error === null) this.#open = open;
    return error;
  }

  #opened(line: string): Open | null {
    const number = this.#number;
    if (line.startsWith(ADD_FILE))
      return { kind: 'add', path: trim(line.slice(ADD_FILE.length)), content: [], line: number };
    if (line.startsWith(DELETE_FILE))
      return { kind: 'delete', path: trim(line.slice(DELETE_FILE.length)), line: number };
    if (!line.startsWith(UPDATE_FILE)) return null;
    return { kind: 'update', path: trim(line.slice(UPDATE_FILE.length)), moveTo: null, chunks: [], line: number };
  }

  #close(line: string): PatchSyntaxError | null {
    const open = this.#open;
    if (open.kind === 'nothing') return null;
    if (open.kind === 'update') {
      const last = open.chunks.at(-1);
      if (last === undefined) return this.#fail(`Update file hunk for path '${open.path}' is empty`, open.line);
      if (last.lines.length === 0) {
        return this.#fail(line === END_PATCH ? 'Update hunk does not contain any lines' : unexpected(line));
      }
    }
    this.#hunks.push(freezeHunk(open));
    this.#open = { kind: 'nothing' };
    return null;
  }

  #updateLine(open: OpenUpdate, line: string): PatchSyntaxError | null {
    const header = this.#header(trimEnd(line));
    if (header !== 'no') return header;
    const marker = this.#reading.padded ? trim(line) : trimEnd(line);
    const last = open.chunks.at(-1);
    if (last?.endOfFile === true) {
      if (marker === '') return null;
      if (!isMarker(marker)) return this.#fail(expectedMarker(line));
    }
    if (last === undefined && open.moveTo === null && marker.startsWith(MOVE_TO)) {
      open.moveTo = trim(marker.slice(MOVE_TO.length));
      return null;
    }
    if (isMarker(marker)) return this.#contextLine(open, last, line, marker);
    if (marker === END_OF_FILE) return this.#endOfFile(last);
    return this.#contentLine(open, line);
  }

  #contextLine(open: OpenUpdate, last: OpenChunk | undefined, line: string, marker: string): PatchSyntaxError | null {
    const contexts = marker === '@@' ? [] : [marker.slice(3)];
    if (last !== undefined && last.lines.length === 0) {
      if (!this.#reading.tolerant) return this.#fail(unexpected(line));
      last.contexts.push(...contexts);
      return null;
    }
    open.chunks.push({ contexts, lines: [], endOfFile: false, line: this.#number });
    return null;
  }

  #endOfFile(last: OpenChunk | undefined): PatchSyntaxError | null {
    if (last === undefined) return null;
    if (last.lines.length === 0) return this.#fail('Update hunk does not contain any lines');
    last.endOfFile = true;
    return null;
  }

  #contentLine(open: OpenUpdate, line: string): PatchSyntaxError | null {
    const sign = line === '' ? ' ' : line.charAt(0);
    if (sign !== ' ' && sign !== '+' && sign !== '-') {
      const last = open.chunks.at(-1);
      return this.#fail(last !== undefined && last.lines.length > 0 ? expectedMarker(line) : unexpected(line));
    }
    if (open.chunks.length === 0) {
      open.chunks.push({ contexts: [], lines: [], endOfFile: false, line: this.#number });
    }
    open.chunks.at(-1)?.lines.push({ sign, text: line.slice(1) });
    return null;
  }
}

const unexpected = (line: string): string => `Unexpected line found in update hunk: '${line}'. ${SIGNS}`;
const expectedMarker = (line: string): string =>
  `Expected update hunk to start with a @@ context marker, got: '${line}'`;

export function parseLines(lines: readonly string[], reading: Reading): LinesResult {
  assertInvariant(lines.length >= 2, 'a patch has its two marker lines');
  return new LinesParser(reading).parse(lines);
}
