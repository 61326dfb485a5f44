/** Waits for the end of a command, within a time that stands still while one of its programs waits for a person. */
import type { CollectReply } from '@agentbox/protocol';

/** Asked again not more often than this, however little of the time is left. */
const LEAST_WAIT_MS = 50;

/** Pure. `heldMs` is how long questions were open since the start. */
export function timeLeft(timeoutMs: number, elapsedMs: number, heldMs: number): number {
  return timeoutMs - Math.max(0, elapsedMs - heldMs);
}

/** The state of the reply is `running` when the time was over first. */
export async function waitForEnd(
  collect: (waitMs: number) => Promise<CollectReply>,
  timeoutMs: number,
  heldMs: (reply: CollectReply) => number,
): Promise<CollectReply> {
  const began = performance.now();
  let waitMs = timeoutMs;
  for (;;) {
    const reply = await collect(Math.ceil(waitMs));
    if (reply.state.kind !== 'running') return reply;
    const left = timeLeft(timeoutMs, performance.now() - began, heldMs(reply));
    if (left <= 0) return reply;
    waitMs = Math.max(left, LEAST_WAIT_MS);
  }
}
