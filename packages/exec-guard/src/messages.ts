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
  interpreters: z.array(name).max(4),
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

const message = z.union([
  z.object({ ran: facts }),
  z.object({ exec: facts.extend({ id: pid }) }),
  z.object({ gone: pid }),
  z.object({ started: z.object({ pid, landlock: count, infrastructure: z.array(pid).min(2).max(3) }) }),
  z.object({ listener: count }),
  z.object({ refused: reasoned.extend({ id: pid.optional() }) }),
  z.object({ killed: reasoned }),
  z.object({ escalated: z.object({ id: pid, pid }) }),
  z.object({ escalatedEnd: z.object({ id: pid, pid, code: count.max(255), ms: count }) }),
  z.object({ exit: z.object({ code: count.max(255), signal: z.number().int().min(1).max(64).nullable() }) }),
  z.object({ failed: z.object({ reason: z.string().max(64 * 1024) }) }),
]);

export type WardenMessage = z.infer<typeof message>;

/** null: not a message */
export function parseMessage(line: string): WardenMessage | null {
  try {
    const parsed = message.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
