/** The outcomes that every machine tool gives. Pure. */
import type { ToolOutcome, ToolResult } from '@agentbox/control-plane';
import { AgentboxError, type Detail, type ErrorCode } from '@agentbox/protocol';

export type Failed = Extract<ToolOutcome, { readonly kind: 'failed' }>;

export function fail(code: ErrorCode, message: string, detail: Detail = {}): Failed {
  return { kind: 'failed', code, message, detail };
}

/** Undefined for what is not ours to explain. */
export function failedWith(thrown: unknown): Failed | undefined {
  return thrown instanceof AgentboxError ? fail(thrown.code, thrown.message, thrown.detail) : undefined;
}

/** Text for those who read text; the structured result holds the same. */
export function done(text: string, structured: Readonly<Record<string, unknown>>): ToolOutcome {
  return { kind: 'done', result: result(text, structured) };
}

export function result(text: string, structured: Readonly<Record<string, unknown>>): ToolResult {
  return { content: [{ type: 'text', text }], structured };
}

/** As many characters as a line of facts may take; line ends become spaces. */
export function oneLine(text: string, maxChars: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= maxChars ? line : `${line.slice(0, maxChars).toWellFormed()}…`;
}
