/**
 * The text below `Output:` exactly as Codex 0.169.0 gives it when there is too much: first 512 KiB and last 512 KiB of
 * what was printed, then head and tail half each of the token budget, cut between any two characters.
 */
import { budgetBytes, headEnd, lineCount, tailStart, tokensOf } from './utf8-cut.ts';

/** how much of the beginning, and how much of the end, Codex keeps of one answer's output, in bytes */
export const CODEX_HALF_BYTES = 524_288;

export interface CodexSource {
  /** all of the text, or its first CODEX_HALF_BYTES when bytes were omitted */
  readonly head: string;
  /** empty, or the last CODEX_HALF_BYTES */
  readonly tail: string;
  /** bytes between head and tail */
  readonly omittedBytes: number;
  /** bytes that the command printed, before decoding */
  readonly originalBytes: number;
}

export interface CodexText {
  readonly text: string;
  /** goes into the line `Original token count: N` */
  readonly originalTokenCount: number;
}

/** Splits what was printed as Codex's buffer does; decoding is per half, with U+FFFD for a split character. */
export function codexSource(bytes: Uint8Array): CodexSource {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const omittedBytes = Math.max(0, bytes.length - 2 * CODEX_HALF_BYTES);
  if (omittedBytes === 0) {
    return { head: decoder.decode(bytes), tail: '', omittedBytes, originalBytes: bytes.length };
  }
  const head = decoder.decode(bytes.subarray(0, CODEX_HALF_BYTES));
  const tail = decoder.decode(bytes.subarray(bytes.length - CODEX_HALF_BYTES));
  return { head, tail, omittedBytes, originalBytes: bytes.length };
}

export function codexText(source: CodexSource, maxTokens: number): CodexText {
  const originalTokenCount = tokensOf(source.originalBytes);
  const budget = budgetBytes(maxTokens);
  const gap = source.omittedBytes === 0 ? '' : `\n... ${source.omittedBytes} bytes omitted ...\n`;
  const text = `${source.head}${gap}${source.tail}`;
  const bytes = Buffer.byteLength(text);
  if (bytes <= budget && gap === '') return { text, originalTokenCount };
  const kept = bytes <= budget ? text : halves(text, bytes, budget);
  const tokens = gap === '' ? tokensOf(bytes) : originalTokenCount;
  const what = gap === '' ? `Total output lines: ${lineCount(text)}` : gap.trim();
  return {
    text: `Warning: truncated output (original token count: ${tokens})\n${what}\n\n${kept}`,
    originalTokenCount,
  };
}

function halves(text: string, bytes: number, budget: number): string {
  const headBytes = Math.floor(budget / 2);
  const head = text.slice(0, headEnd(text, headBytes));
  const tail = text.slice(tailStart(text, budget - headBytes));
  return `${head}…${tokensOf(bytes - budget)} tokens truncated…${tail}`;
}
