/** What becomes of a command whose caller cancels or goes away: what the operator set. */
import type { ToolOutcome } from '@agentbox/control-plane';
import type { SessionId } from '@agentbox/protocol';
import type { Aborted } from './abort.ts';
import { endTree } from './end-tree.ts';
import type { Turn } from './machine.ts';
import { fail } from './outcome.ts';

export function notStarted({ why }: Aborted): ToolOutcome {
  return fail('CANCELLED', `the call was ${why} before the command was started`, { why });
}

export function staysAfter(turn: Turn, { why }: Aborted): boolean {
  const { onCancel, onDisconnect } = turn.machine.settings;
  return (why === 'cancelled' ? onCancel : onDisconnect) === 'keep';
}

export async function letGo(turn: Turn, session: SessionId, aborted: Aborted): Promise<ToolOutcome> {
  const { why } = aborted;
  const { prefix } = turn.machine.settings;
  if (staysAfter(turn, aborted)) {
    return fail(
      'CANCELLED',
      `the call was ${why}; the command goes on as session ${session}: ${prefix}write_stdin session_id=${session} waits for it`,
      { session, why, running: true },
    );
  }
  const ended = await endTree(turn, session);
  return fail(
    'CANCELLED',
    ended.alive === 0
      ? `the call was ${why} and the command was stopped with all its processes; ${prefix}read_output session_id=${session} gives what it printed`
      : `the call was ${why}; ${ended.alive} processes of session ${session} are still alive after SIGKILL`,
    { session, why, running: ended.alive > 0 },
  );
}
