/** Keeps the record of sessions true when nobody polls: every end that the box tells is written down once. */
import type { Clock, ReportFault, SessionStore } from '@agentbox/control-plane';
import type { Box, BoxEvent, SessionId, SessionState } from '@agentbox/protocol';

export interface RecordEndsOptions {
  readonly box: Box;
  readonly sessions: SessionStore;
  readonly clock: Clock;
  readonly reportFault: ReportFault;
}

/** Also catches up with what ended while no server was there. The result ends the watch. */
export async function recordSessionEnds(options: RecordEndsOptions): Promise<Disposable> {
  const watch = await options.box.watch(0, (event) => void recordEvent(options, event));
  return { [Symbol.dispose]: () => watch.close() };
}

async function recordEvent(options: RecordEndsOptions, event: BoxEvent): Promise<void> {
  if (event.kind !== 'state') return;
  try {
    await recordState(options, event.session, event.state);
  } catch (fault) {
    options.reportFault('the end of a session was not recorded', { session: event.session }, fault);
  }
}

async function recordState(
  { sessions, clock }: RecordEndsOptions,
  session: SessionId,
  state: SessionState,
): Promise<void> {
  if (state.kind === 'exited') await sessions.close(session, state.exit.at, state.exit.code);
  if (state.kind === 'lost') await sessions.close(session, clock(), null);
}
