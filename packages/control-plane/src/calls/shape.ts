/** Keeps a result within what a client shows inline. What is cut is said with exact numbers. Pure. */
import { unreachable } from '@agentbox/base';
import type { ContentBlock, ToolOutcome, ToolResult } from '../ports.ts';
import type { CallLimits } from './limits.ts';

/** Beside a result that was cut: where the whole of it is, when the provider left no link of its own. */
export type KeepWhole = (result: ToolResult) => ContentBlock | null;

/** A structured result that cannot be brought under the ceiling. */
export interface TooLong {
  readonly kind: 'too-long';
  readonly chars: number;
}

export function shapeOutcome(outcome: ToolOutcome, limits: CallLimits, keep: KeepWhole): ToolOutcome | TooLong {
  switch (outcome.kind) {
    case 'done': {
      const result = shapeResult(outcome.result, limits, keep);
      return 'kind' in result ? result : { ...outcome, result };
    }
    case 'running': {
      const partial = shapeResult(outcome.partial, limits, keep);
      return 'kind' in partial ? partial : { ...outcome, partial };
    }
    case 'needs-input':
    case 'refused':
    case 'failed':
      return outcome;
    default:
      return unreachable(outcome);
  }
}

/** Text and structured result are held to the limit each: a client shows the model one of the two. */
function shapeResult(result: ToolResult, limits: CallLimits, keep: KeepWhole): ToolResult | TooLong {
  const content = cutContent(result.content, limits.inlineChars);
  const structured = cutStructured(result.structured, limits.inlineChars);
  const chars = structured === null ? 0 : JSON.stringify(structured).length;
  if (chars > limits.structuredChars) return { kind: 'too-long', chars };
  if (content === result.content && structured === result.structured) return result;
  const link = keep(result);
  return { content: link === null ? content : [...content, link], structured };
}

function cutContent(content: readonly ContentBlock[], limit: number): readonly ContentBlock[] {
  const total = content.reduce((sum, block) => sum + (block.type === 'text' ? block.text.length : 0), 0);
  if (total <= limit) return content;
  let left = limit;
  return content.map((block) => {
    if (block.type !== 'text') return block;
    const text = cutText(block.text, left);
    left = Math.max(0, left - block.text.length);
    return text === block.text ? block : { ...block, text };
  });
}

/** Keeps the first and the last half: the end of an output says how it went. */
function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = wholeBefore(text, Math.ceil(limit / 2));
  const tail = wholeAfter(text, text.length - Math.floor(limit / 2));
  return `${text.slice(0, head)}\n[${tail - head} of ${text.length} characters left out here]\n${text.slice(tail)}`;
}

const isLowSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;
/** A pair of surrogates is not split. */
const wholeBefore = (text: string, at: number): number => (isLowSurrogate(text, at) ? at - 1 : at);
const wholeAfter = (text: string, at: number): number => (isLowSurrogate(text, at) ? at + 1 : at);

/**
 * Cuts the longest texts of a structured result to one common length, so that the sum fits. Numbers, lists and keys
 * stay: the result keeps the form that its schema promises.
 */
function cutStructured(structured: ToolResult['structured'], limit: number): ToolResult['structured'] {
  if (structured === null) return null;
  const lengths = textLengths(structured);
  if (lengths.reduce((sum, length) => sum + length, 0) <= limit) return structured;
  const ceiling = commonCeiling(lengths, limit);
  return Object.fromEntries(Object.entries(structured).map(([key, value]) => [key, cutWithin(value, ceiling)]));
}

function textLengths(value: unknown): readonly number[] {
  if (typeof value === 'string') return [value.length];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((member) => textLengths(member));
}

/** The largest length to which all longer texts are cut, for the sum to be at most `limit`. */
function commonCeiling(lengths: readonly number[], limit: number): number {
  const ascending = [...lengths].sort((a, b) => a - b);
  let left = limit;
  for (const [index, length] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - index));
    if (length > share) return share;
    left -= length;
  }
  return limit;
}

function cutWithin(value: unknown, ceiling: number): unknown {
  if (typeof value === 'string') return cutText(value, ceiling);
  if (Array.isArray(value)) return value.map((item: unknown) => cutWithin(item, ceiling));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cutWithin(member, ceiling)]));
}
