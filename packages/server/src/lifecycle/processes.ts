/** Ends processes and waits until they are gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentboxError } from '@agentbox/protocol';
import { startTicks } from './server-state.ts';

const LOOK_MS = 20;

/** True when the process was gone within the time. A zombie counts as gone: it holds nothing any more. */
export async function goneWithin(pid: number, ms: number): Promise<boolean> {
  const began = startTicks(pid);
  const deadline = Date.now() + ms;
  for (;;) {
    const now = startTicks(pid);
    if (now === undefined || now !== began) return true;
    if (Date.now() > deadline) return false;
    await sleep(LOOK_MS);
  }
}

const PATIENCE_MS = 20_000;
const KILLED_MS = 2000;

/** TERM, then KILL when that is not obeyed. */
export async function endProcess(pid: number, what: string): Promise<void> {
  signal(pid, 'SIGTERM');
  if (await goneWithin(pid, PATIENCE_MS)) return;
  signal(pid, 'SIGKILL');
  if (await goneWithin(pid, KILLED_MS)) return;
  throw new AgentboxError('INTERNAL', `${what} (process ${pid}) cannot be ended`, { pid });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone meanwhile.
  }
}
