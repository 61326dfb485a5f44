/**
 * What the warden says, one JSON object a line with one key. Parsed with bounds: the facts come from a trusted
 * program, but every string in them was chosen by a process inside the sandbox.
 */
import { z } from 'zod';

/** above this a line is no message: the warden refuses arguments over 4 MiB, and a byte becomes six at most */
export const LINE_BYTES = 32 * 1024 * 1024;

const count = z.number().int().nonnegative();
const pid = z.number().int().positive();
const path = z.string().max(16 * 1024);
const name = z.object({ path, writable: z.boolean() });

const facts = z.object({
  pid,
  file: path,
  names: z.array(name).min(1).max(48),
  interpreters: z
    .array(
      name.extend({ written: path, argument: z.string().max(4096).optional(), names: z.array(name).min(1).max(48) }),
    )
    .max(4),
  cwd: path,
  image: z.object({
    kind: z.enum(['file', 'memfd', 'deleted']),
    device: z.number().nonnegative(),
    inode: z.number().nonnegative(),
    size: z.number().nonnegative(),
  }),
  argv: z.array(z.string()).max(4 * 1024 * 1024),
  truncated: z.boolean(),
});
const text = z.string().max(4096);
const reasoned = facts.extend({ reason: text });

const ran = z.object({ pid, file: path, cwd: path, argv: z.array(z.string()).max(4096), truncated: z.boolean() });

/** By their keys: a list of alternatives would be tried one after the other for every program. */
const SCHEMAS = {
  ran: z.object({ ran }),
  exec: z.object({ exec: facts.extend({ id: pid }) }),
  gone: z.object({ gone: pid }),
  started: z.object({ started: z.object({ pid, landlock: count, infrastructure: z.array(pid).min(2).max(3) }) }),
  listener: z.object({ listener: count }),
  refused: z.object({ refused: reasoned.extend({ id: pid.optional() }) }),
  killed: z.object({ killed: reasoned }),
  escalated: z.object({ escalated: z.object({ id: pid, pid }) }),
  escalatedEnd: z.object({ escalatedEnd: z.object({ id: pid, pid, code: count.max(255), ms: count }) }),
  exit: z.object({
    exit: z.object({ code: count.max(255), signal: z.number().int().min(1).max(64).nullable() }),
  }),
  failed: z.object({ failed: z.object({ reason: z.string().max(64 * 1024) }) }),
} as const;

const schemas: ReadonlyMap<string, (typeof SCHEMAS)[keyof typeof SCHEMAS]> = new Map(Object.entries(SCHEMAS));

export type WardenMessage = z.infer<(typeof SCHEMAS)[keyof typeof SCHEMAS]>;

/** null: not a message */
export function parseMessage(line: string): WardenMessage | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return null;
    const [kind = ''] = Object.keys(value);
    return schemas.get(kind)?.safeParse(value).data ?? null;
  } catch {
    return null;
  }
}
