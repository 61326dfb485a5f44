/** Waits for the end of a command, within a time that stands still while one of its programs waits for a person. */
import type { CollectReply } from '@agentbox/protocol';

/** Asked again not more often than this, however little of the time is left. */
const LEAST_WAIT_MS = 50;

/** Pure. `heldMs` is how long questions were open since the start. */
export function timeLeft(timeoutMs: number, elapsedMs: number, heldMs: number): number {
  return timeoutMs - Math.max(0, elapsedMs - heldMs);
}

export interface EndWait {
  readonly collect: (waitMs: number) => Promise<CollectReply>;
  readonly timeoutMs: number;
  /** since the start of the command, the time of questions among it */
  readonly elapsedMs: number;
  /** somebody must be asked before it goes on */
  readonly isHeld: (reply: CollectReply) => boolean;
}

/** The state of the reply is `running` when the time was over first, or when somebody must be asked. */
export async function waitForEnd({ collect, timeoutMs, elapsedMs, isHeld }: EndWait): Promise<CollectReply> {
  const began = performance.now() - elapsedMs;
  // How much of what has passed counts is known with the first answer.
  let waitMs = elapsedMs === 0 ? timeoutMs : LEAST_WAIT_MS;
  for (;;) {
    const reply = await collect(Math.ceil(waitMs));
    if (reply.state.kind !== 'running' || isHeld(reply)) return reply;
    const left = timeLeft(timeoutMs, performance.now() - began, reply.heldMs);
    if (left <= 0) return reply;
    waitMs = Math.max(left, LEAST_WAIT_MS);
  }
}
