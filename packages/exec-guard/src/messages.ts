/**
 * What the warden says, one JSON object a line with one key. Parsed with bounds: the facts come from a trusted
 * program, but every string in them was chosen by a process inside the sandbox.
 */
import { z } from 'zod';
import { type GuardFacts, isFacts, isId, isRan, type RanFacts } from './facts.ts';

/** above this a line is no message: the warden refuses arguments over 4 MiB, and a byte becomes six at most */
export const LINE_BYTES = 32 * 1024 * 1024;

const count = z.number().int().nonnegative();
const id = z.custom<number>(isId);
const facts = z.custom<GuardFacts>(isFacts);
const reason = z.string().max(4096);

/** By their keys: a list of alternatives would be tried one after the other. */
const SCHEMAS = {
  gone: z.object({ gone: id }),
  started: z.object({ started: z.object({ pid: id, landlock: count, infrastructure: z.array(id).min(2).max(3) }) }),
  listener: z.object({ listener: count }),
  refused: z.object({ refused: facts.and(z.looseObject({ reason, id: id.optional() })) }),
  killed: z.object({ killed: facts.and(z.looseObject({ reason })) }),
  escalated: z.object({ escalated: z.object({ id, pid: id }) }),
  escalatedEnd: z.object({ escalatedEnd: z.object({ id, pid: id, code: count.max(255), ms: count }) }),
  exit: z.object({
    exit: z.object({ code: count.max(255), signal: z.number().int().min(1).max(64).nullable() }),
  }),
  failed: z.object({ failed: z.object({ reason: z.string().max(64 * 1024) }) }),
} as const;

const schemas: ReadonlyMap<string, (typeof SCHEMAS)[keyof typeof SCHEMAS]> = new Map(Object.entries(SCHEMAS));

export interface Asked extends GuardFacts {
  readonly id: number;
}

export type WardenMessage =
  | { readonly ran: RanFacts }
  | { readonly exec: Asked }
  | z.infer<(typeof SCHEMAS)[keyof typeof SCHEMAS]>;

const isAsked = (value: unknown): value is Asked => isFacts(value) && 'id' in value && isId(value.id);

/** null: not a message */
export function parseMessage(line: string): WardenMessage | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return null;
    if ('ran' in value) return isRan(value.ran) ? { ran: value.ran } : null;
    if ('exec' in value) return isAsked(value.exec) ? { exec: value.exec } : null;
    const [kind = ''] = Object.keys(value);
    return schemas.get(kind)?.safeParse(value).data ?? null;
  } catch {
    return null;
  }
}
