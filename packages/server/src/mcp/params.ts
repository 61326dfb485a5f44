/** The parameters of the methods that the door serves, with ceilings; what does not fit is named back (-32602). */
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isRecord } from './json.ts';

const name = z.string().min(1).max(128);
const uri = z.string().min(1).max(8192);
/** Kept as it came: copying would walk the whole value, and the pipeline parses it by the tool's own schema. */
const anyRecord = z.custom<Readonly<Record<string, unknown>>>(isRecord, 'must be an object');

export const listParams = z.object({ cursor: z.string().max(1024).optional() });
export const callParams = z.object({ name, arguments: anyRecord.optional() });
export const uriParams = z.object({ uri });
export const directoryParams = z.object({ uri, cursor: z.string().max(1024).optional() });
export const promptParams = z.object({
  name,
  arguments: z.record(z.string().max(128), z.string().max(65_536)).optional(),
});
export const taskParams = z.looseObject({ taskId: z.string().min(1).max(128) });
export const completeParams = z.object({
  ref: z.discriminatedUnion('type', [
    z.object({ type: z.literal('ref/prompt'), name }),
    z.object({ type: z.literal('ref/resource'), uri }),
  ]),
  argument: z.object({ name, value: z.string().max(4096) }),
});

export function parseParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const parsed = schema.safeParse(params ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'params'}: ${issue.message}`);
  throw invalidParams(`Invalid params: ${problems.join('; ')}`);
}

export function invalidParams(message: string, data?: unknown): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message, data);
}

/** Every list is one page, so a cursor can only be made up. */
export function assertNoCursor(cursor: string | undefined): void {
  if (cursor !== undefined) throw invalidParams('Invalid cursor: this list has one page.');
}
