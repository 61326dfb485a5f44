/** What becomes of the box when its server stops: it ends only when that is asked for and nothing runs in it. */
import type { Core } from './core.ts';

/** `end-idle-box` ends the box only when nothing runs in it. */
export type StopMode = 'keep-box' | 'end-idle-box';

export interface Stopped {
  readonly box: 'ended' | 'kept';
  /** sessions that go on */
  readonly running: number;
}

export async function runningSessions(core: Core): Promise<number> {
  const sessions = await core.box.list(null);
  return sessions.filter((session) => session.state.kind === 'running').length;
}

export async function settleBox(core: Core, mode: StopMode): Promise<Stopped> {
  // A box that does not say what runs in it may hold anything.
  const running = await runningSessions(core).catch(() => null);
  if (mode === 'keep-box' || running !== 0) return { box: 'kept', running: running ?? 0 };
  await core.endBox();
  return { box: 'ended', running };
}
