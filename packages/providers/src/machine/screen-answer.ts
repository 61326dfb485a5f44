/** What stands on the screen of a program that draws one, played from the log. */
import type { CollectReply, ExecOutput, SessionId } from '@agentbox/protocol';
import { joined } from './fit-output.ts';
import type { Turn } from './machine.ts';
import { MAX_SCREEN_BYTES, renderScreen } from './output/index.ts';

/** a program that draws without the alternate screen redraws all of it within so many bytes, or it is not one */
const REDRAW_BYTES = 256 * 1024;
const READ_BYTES = 256 * 1024;

export interface ScreenAnswer {
  readonly text: string;
  /** where the cursor waits */
  readonly cursorLine: string;
  readonly facts: NonNullable<ExecOutput['screen']>;
}

export async function describeScreen(
  turn: Turn,
  session: SessionId,
  reply: CollectReply,
  use: 'none' | 'addressed' | 'alternate',
): Promise<ScreenAnswer | null> {
  if (reply.size === null) return null;
  const from = reply.screenFrom ?? (use === 'addressed' ? Math.max(0, reply.next - REDRAW_BYTES) : null);
  if (from === null) return null;
  const bytes = await drawnSince(turn, session, reply, Math.max(from, reply.next - MAX_SCREEN_BYTES));
  const { cols, rows } = reply.size;
  const screen = await renderScreen(bytes, { columns: cols, rows });
  return {
    text: screen.lines.join('\n'),
    cursorLine: screen.lines[screen.cursor.row] ?? '',
    facts: { cols, rows, cursor_row: screen.cursor.row + 1, cursor_col: Math.min(cols, screen.cursor.column + 1) },
  };
}

async function drawnSince(turn: Turn, session: SessionId, reply: CollectReply, from: number): Promise<Uint8Array> {
  if (reply.omitted === 0 && from >= reply.from) return joined(reply.head, reply.tail).subarray(from - reply.from);
  const parts: Uint8Array[] = [];
  for (let at = from; at < reply.next; ) {
    const max = Math.min(READ_BYTES, reply.next - at);
    const part = await turn.machine.box.read(turn.owner, { session, stream: 'output', from: at, max });
    if (part.bytes.length === 0) break;
    parts.push(part.bytes);
    at = part.next;
  }
  return Buffer.concat(parts);
}
