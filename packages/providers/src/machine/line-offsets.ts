/** Where lines begin in a log: the box knows, from its index of line ends. */
import type { FindLineReply, SessionId } from '@agentbox/protocol';
import type { Turn } from './machine.ts';

export interface Place {
  readonly turn: Turn;
  readonly session: SessionId;
  readonly stream: 'output' | 'stderr';
}

/** The line, or a later one where the quota of the log dropped it; the end of the output when there are fewer lines. */
export function findLine({ turn, session, stream }: Place, line: number): Promise<FindLineReply> {
  return turn.machine.box.findLine(turn.owner, { session, stream, line });
}
