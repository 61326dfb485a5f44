/**
 * Keeps the inbox and the box of one mind about what waits: each change is told as it happens, and after every connect
 * what the box does not know is withdrawn and what it is owed is brought.
 */
import { type Approvals, createApprovals } from '@agentbox/control-plane';
import type { Box } from '@agentbox/protocol';
import type { OpenedStores } from '@agentbox/storage';
import type { CoreOptions } from './ground.ts';

/** open questions looked at after a connect */
const MOST = 1000;

export interface BoxQuestions extends AsyncDisposable {
  readonly approvals: Approvals;
  /** the box answers again, or is another one */
  reconnected(): void;
}

export async function openBoxQuestions(
  { config, clock, reportFault }: CoreOptions,
  stores: OpenedStores,
  box: Box,
): Promise<BoxQuestions> {
  const approvals = await createApprovals({
    store: stores.questions,
    audit: stores.audit,
    clock,
    reportFault,
    deliver: (answer) => box.answer(answer),
    settings: {
      clientMayAnswer: config.approvals.client_may_answer,
      selfApproval: config.approvals.self_approval,
    },
  });
  const failed = (fault: unknown): void => reportFault('questions of the box could not be taken', {}, fault);
  const watch = await box.watch(0, (event) => {
    if (event.kind === 'questions') approvals.told(event.session, event.open).catch(failed);
  });
  await withdrawLost(approvals, box);
  return {
    approvals,
    reconnected: () => {
      approvals.boxIsBack();
      withdrawLost(approvals, box).catch(failed);
    },
    [Symbol.asyncDispose]: async () => {
      watch.close();
      await approvals[Symbol.asyncDispose]();
    },
  };
}

/** Of what ended while nobody watched no event comes. */
async function withdrawLost(approvals: Approvals, box: Box): Promise<void> {
  const open = await approvals.list({ state: 'open', askedBy: null, limit: MOST });
  if (open.length === 0) return;
  const running = new Set(
    (await box.list(null)).flatMap(({ session, state }) => (state.kind === 'lost' ? [] : [session])),
  );
  const lost = new Set(open.map(({ session }) => session).filter((session) => !running.has(session)));
  for (const session of lost) await approvals.told(session, []);
}
