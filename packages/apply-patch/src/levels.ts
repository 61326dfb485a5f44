/**
 * The five ways in which a line of a patch may equal a line of a file, from exact to loose. Levels 0 to 3 are those of
 * Codex; level 4 also folds runs of spaces, zero-width characters, ellipses and Unicode composition, and counts only
 * when it matches in one place.
 */
import { unreachable } from '@agentbox/base';
import type { Source } from './source.ts';
import { isAscii, lineText } from './source.ts';
import { trim, trimEnd } from './text.ts';
import { encodeUtf8 } from './utf8.ts';

export type Level = 0 | 1 | 2 | 3 | 4;
/** The levels that take the first match. */
export const FIRM: readonly Level[] = [0, 1, 2, 3];
export const LOOSE: Level = 4;

const DASHES = /[\u2010-\u2015\u2212]/gu;
const SINGLE_QUOTES = /[\u2018-\u201b]/gu;
const DOUBLE_QUOTES = /[\u201c-\u201f]/gu;
const SPACES = /[\u00a0\u2002-\u200a\u202f\u205f\u3000]/gu;
const ZERO_WIDTH = /[\u200b-\u200d\u2060\ufeff\u00ad]/gu;

function foldPunctuation(text: string): string {
  return text.replace(DASHES, '-').replace(SINGLE_QUOTES, "'").replace(DOUBLE_QUOTES, '"').replace(SPACES, ' ');
}

function foldLoosely(text: string): string {
  const plain = foldPunctuation(text.normalize('NFC').replace(ZERO_WIDTH, '').replaceAll('\u2026', '...'));
  return trim(plain.replace(/[ \t]+/gu, ' '));
}

/** What a text is compared by: two lines are equal at a level when their keys are. */
function keyOf(text: string, level: Level): string {
  switch (level) {
    case 0:
      return text;
    case 1:
      return trimEnd(text);
    case 2:
      return trim(text);
    case 3:
      return foldPunctuation(trim(text));
    case 4:
      return foldLoosely(text);
    default:
      return unreachable(level);
  }
}

/** One line of a patch, prepared for comparison at every level. */
export interface Wanted {
  readonly text: string;
  readonly keys: readonly string[];
  readonly bytes: readonly Uint8Array[];
}

/** All keys at once: a line of a chunk is compared with a whole file, often at every level. */
export function wanted(text: string): Wanted {
  const keys = [...FIRM, LOOSE].map((level) => keyOf(text, level));
  return { text, keys, bytes: keys.map(encodeUtf8) };
}

function equalRange(bytes: Uint8Array, from: number, to: number, key: Uint8Array): boolean {
  if (to - from !== key.length) return false;
  for (let at = 0; at < key.length; at += 1) if (bytes[from + at] !== key[at]) return false;
  return true;
}

const isAsciiWhite = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);
const isRun = (byte: number): boolean => byte === 32 || byte === 9;

/** Compares a trimmed ASCII range with a key whose runs of spaces and tabs are already single spaces. */
function equalFolded(bytes: Uint8Array, from: number, to: number, key: Uint8Array): boolean {
  let at = from;
  for (const byte of key) {
    if (at >= to) return false;
    const here = bytes[at] ?? 0;
    if (byte === 32) {
      if (!isRun(here)) return false;
      while (at < to && isRun(bytes[at] ?? 0)) at += 1;
    } else {
      if (here !== byte) return false;
      at += 1;
    }
  }
  return at === to;
}

/** Keys of ASCII lines need no text: trimming is moving two ends, and nothing else folds at levels 0 to 3. */
function asciiMatches(source: Source, index: number, line: Wanted, level: Level): boolean {
  const { bytes } = source;
  const key = line.bytes[level];
  if (key === undefined) return false;
  let from = source.starts[index] ?? 0;
  let to = source.ends[index] ?? 0;
  while (to > from && isAsciiWhite(bytes[to - 1] ?? 0)) to -= 1;
  if (level > 1) while (from < to && isAsciiWhite(bytes[from] ?? 0)) from += 1;
  return level === LOOSE ? equalFolded(bytes, from, to, key) : equalRange(bytes, from, to, key);
}

/**
 * A cheap sign that a line with characters outside ASCII cannot match: its ASCII beginning is another one. Folding
 * never changes an ASCII character into another, so only runs of spaces need care.
 */
function cannotMatch(source: Source, index: number, key: string, level: Level): boolean {
  let at = source.starts[index] ?? 0;
  const to = source.ends[index] ?? 0;
  if (level > 1) while (at < to && isAsciiWhite(source.bytes[at] ?? 0)) at += 1;
  for (let offset = 0; offset < key.length; offset += 1) {
    const want = key.charCodeAt(offset);
    const here = source.bytes[at] ?? 0x80;
    if (at < to && (want >= 0x80 || here >= 0x80)) return false;
    if (at >= to || want >= 0x80) return at >= to;
    if (level === LOOSE && want === 32 && isRun(here)) {
      while (at < to && isRun(source.bytes[at] ?? 0)) at += 1;
    } else if (here === want) at += 1;
    else return true;
  }
  return false;
}

/** One line of a file against one of a chunk. Text is made only of lines that hold more than ASCII. */
export function lineMatches(source: Source, index: number, line: Wanted, level: Level): boolean {
  if (level === 0) {
    const key = line.bytes[0];
    return key !== undefined && equalRange(source.bytes, source.starts[index] ?? 0, source.ends[index] ?? 0, key);
  }
  if (isAscii(source, index)) return asciiMatches(source, index, line, level);
  const key = line.keys[level] ?? '';
  if (cannotMatch(source, index, key, level)) return false;
  return keyOf(lineText(source, index), level) === key;
}
