/** Ends every process of a session: asks first, then insists. */
import type { KillReply, SessionId } from '@agentbox/protocol';
import { closeRecord } from './collect.ts';
import type { Turn } from './machine.ts';

/** Both waits together stay below two seconds. */
const GRACE_MS = 800;
const KILL_WAIT_MS = 1000;

export interface EndedTree extends KillReply {
  /** whether KILL had to follow */
  readonly killed: boolean;
}

export async function endTree(turn: Turn, session: SessionId): Promise<EndedTree> {
  const { machine, owner } = turn;
  const asked = await machine.box.kill(owner, session, 'SIGTERM', GRACE_MS);
  const insisted = asked.alive > 0 ? await machine.box.kill(owner, session, 'SIGKILL', KILL_WAIT_MS) : null;
  const last = insisted ?? asked;
  if (last.state.kind === 'exited') closeRecord(turn, session, last.state.exit);
  return { ...last, signalled: asked.signalled, killed: insisted !== null };
}
