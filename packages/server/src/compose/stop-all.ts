/** Ends whatever runs for a home, server first: it would start the box again. */
import { connectBox, endOtherDaemon, findDaemon } from '@agentbox/boxd-client';
import type { HomePaths } from '../lifecycle/home.ts';
import { endProcess, goneWithin } from '../lifecycle/processes.ts';
import { readServerState, removeServerState } from '../lifecycle/server-state.ts';

export interface StoppedAll {
  /** process ids of what was ended; null for what did not run */
  readonly server: number | null;
  readonly box: number | null;
}

/** sessions get TERM, then KILL: this long at most */
const ORDERLY_MS = 10_000;

export async function stopAll(paths: HomePaths): Promise<StoppedAll> {
  const server = readServerState(paths.state);
  if (server !== undefined) await endProcess(server.pid, 'the server');
  removeServerState(paths.state);
  const other = await endOtherDaemon(paths.home);
  if (other !== undefined) {
    if (!(await goneWithin(other, ORDERLY_MS))) await endProcess(other, 'the box');
    return { server: server?.pid ?? null, box: other };
  }
  const daemon = await findDaemon(paths.home);
  if (daemon !== undefined) await endBox(paths.home, daemon.pid);
  return { server: server?.pid ?? null, box: daemon?.pid ?? null };
}

export async function endBox(home: string, pid: number): Promise<void> {
  const box = await connectBox({ home, reconnectMs: 0 });
  try {
    await box.shutdown();
  } catch {
    // It may end before it has answered; whether it did is seen below.
  } finally {
    await box.close();
  }
  if (!(await goneWithin(pid, ORDERLY_MS))) await endProcess(pid, 'the box');
}
