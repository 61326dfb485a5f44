/** What every machine tool works with: one box, one store, one set of views. */
import type { Approvals, CallContext, Clock, ReportFault, SessionStore } from '@agentbox/control-plane';
import type { Box, BoxFacts, PrincipalId } from '@agentbox/protocol';
import type { PlaceCommand } from './placement.ts';
import type { SessionViews } from './session-views.ts';
import type { MachineSettings } from './settings.ts';
import type { MachineSkillLibrary } from './skills/index.ts';

export type QuestionDesk = Pick<Approvals, 'opened' | 'answer' | 'get' | 'whileOpen'>;

export interface Machine {
  readonly box: Box;
  readonly skills: MachineSkillLibrary;
  readonly sessions: SessionStore;
  readonly settings: MachineSettings;
  readonly views: SessionViews;
  readonly clock: Clock;
  readonly reportFault: ReportFault;
  readonly place: PlaceCommand;
  /** where a client's answer goes; null: what waits is answered elsewhere */
  readonly approvals: QuestionDesk | null;
  /** asked once: what the box is does not change while it runs */
  facts(): Promise<BoxFacts>;
}

/** One call of a tool. */
export interface Turn {
  readonly machine: Machine;
  readonly owner: PrincipalId;
  readonly context: CallContext;
  /** ms of performance.now() */
  readonly startedAt: number;
}
