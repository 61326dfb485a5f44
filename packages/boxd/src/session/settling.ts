/**
 * Decides how long after the end of a command its output still belongs to its answer. Nobody left to hold its streams:
 * until they close, because then only what was printed is on its way. Somebody holds them: until they pause while
 * nothing of the session has something left to do. A process that waits for a processor may still hold what the
 * command printed, as the reader of a pipe does; one that had its turn and is silent does not. Time is counted in
 * turns of the event loop, each of which reads what is there: a busy machine makes them longer, not fewer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessFacts } from '../process/table.ts';

export interface Settling {
  /** streams that somebody holds open, or that are not read to their end */
  open(): number;
  /** a stream waits for the disk: it is not quiet */
  paused(): boolean;
  /** bytes read so far */
  printed(): number;
  members(): readonly ProcessFacts[];
}

const STEP_MS = 10;
/** steps without output: some 60 ms */
const QUIET_STEPS = 6;
/** steps of those who never pause: some 400 ms */
const CHATTER_STEPS = 40;
/** however long a process waits for a processor */
const WAIT_LIMIT_MS = 2000;
/** the kernel hands over what was printed before it closes a stream; only somebody who cannot be seen holds it so long */
const UNHELD_LIMIT_MS = 10_000;
/** a process that had so much of a processor had its turn: some 30 ms */
const TURN_TICKS = 3;
/** one look may pass between two processes of which one has just woken the other */
const IDLE_LOOKS = 2;

export async function untilSettled(watch: Settling): Promise<void> {
  const begun = Date.now();
  const firstTicks = new Map<number, number>();
  // Streams usually end in the turns that follow: no timer is needed then.
  for (let turn = 0; turn < 3 && watch.open() > 0; turn += 1) await nextTurn();
  let quiet = 0;
  let idleLooks = 0;
  let printed = watch.printed();
  for (let step = 0; watch.open() > 0 && idleLooks < IDLE_LOOKS; step += 1) {
    await sleep(STEP_MS);
    quiet = watch.paused() || watch.printed() > printed ? 0 : quiet + 1;
    printed = watch.printed();
    const chatters = !watch.paused() && step >= CHATTER_STEPS;
    if (quiet < QUIET_STEPS && !chatters) continue;
    const members = watch.members();
    const late = Date.now() - begun >= (members.length === 0 ? UNHELD_LIMIT_MS : WAIT_LIMIT_MS);
    const finished = members.length > 0 && (quiet < QUIET_STEPS || !someoneWaits(members, firstTicks));
    idleLooks = late || finished ? idleLooks + 1 : 0;
  }
}

/** Runnable, or busy in the kernel, without having had its turn since it was first seen here. */
function someoneWaits(members: readonly ProcessFacts[], firstTicks: Map<number, number>): boolean {
  return members.some(({ pid, state, cpuTicks }) => {
    const first = firstTicks.get(pid) ?? cpuTicks;
    firstTicks.set(pid, first);
    return (state === 'R' || state === 'D') && cpuTicks - first < TURN_TICKS;
  });
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
