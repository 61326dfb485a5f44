/** The kinds of argument that tools take. A number may come as text, because models write it so; a session id as a number. */
import { z } from 'zod';

const NUMERIC = /^-?\d{1,15}$/;

export function numberFromText(value: unknown): unknown {
  return typeof value === 'string' && NUMERIC.test(value.trim()) ? Number(value) : value;
}

export const whole = (least: number, most: number, text: string) =>
  z.preprocess(numberFromText, z.int().min(least).max(most)).describe(text).optional();

export const flag = (text: string) => z.boolean().describe(text).optional();

export const word = (maxChars: number, text: string) => z.string().max(maxChars).describe(text);

/** any id is taken here: one that is no session of ours is answered as a session that does not exist */
export const sessionId = z
  .preprocess((value) => (typeof value === 'number' ? String(value) : value), z.string().max(128))
  .describe('Session id of an earlier answer, such as "s_7k2m9x4qa3bc".');

/** offsets and counts in results */
export const count = (text: string) => z.int().min(0).describe(text);

/** longest path, query or name */
export const MAX_WORD_CHARS = 4096;
/** in characters; a longer script belongs in a file */
export const MAX_COMMAND_CHARS = 4 * 1024 * 1024;
export const MAX_INPUT_CHARS = 8 * 1024 * 1024;
export const MAX_PATCH_CHARS = 16 * 1024 * 1024;
