/** From what a caller names to a session of its own. A foreign id and an unknown one look the same. */
import type { ToolOutcome } from '@agentbox/control-plane';
import { parseSessionId, type SessionId } from '@agentbox/protocol';
import type { Turn } from './machine.ts';
import { type Failed, fail } from './outcome.ts';
import { type SessionView, viewAt } from './session-views.ts';

export function findSession(text: string): SessionId | Failed {
  return parseSessionId(text) ?? notFound(text);
}

function notFound(text: string): Failed {
  return fail('SESSION_NOT_FOUND', `there is no session ${JSON.stringify(text.slice(0, 64))}`, {
    session: text.slice(0, 64),
  });
}

/** How far the caller has read: by memory, by the bookmark that an earlier server left, or from the start. */
export async function viewOf(turn: Turn, session: SessionId): Promise<SessionView> {
  const { machine, owner } = turn;
  const known = machine.views.get(owner, session);
  if (known !== undefined) return known;
  const view = viewAt(await machine.box.info(owner, session));
  machine.views.put(owner, session, view);
  return view;
}

/** records looked through for a session that the box does not know */
const RECORDS = 1000;

/** The box forgot a session that the record holds: it was lost with its log, which is not the same as unknown. */
export async function explainMissing(turn: Turn, session: string, failed: Failed): Promise<ToolOutcome> {
  const records = await turn.machine.sessions.list(turn.owner, RECORDS);
  const record = records.find((one) => one.session === session);
  if (record === undefined) return notFound(session);
  const ended = record.exitCode === null ? '' : `; it had exited with code ${record.exitCode}`;
  return fail('SESSION_LOST', `session ${session} is known, but the box keeps nothing of it any more${ended}`, {
    ...failed.detail,
    session,
    ...(record.exitCode === null ? {} : { exit_code: record.exitCode }),
  });
}
