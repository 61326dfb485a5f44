/** In what a command runs: decided where the operator's ceiling is known, asked for at each start. */
import type { CallContext, ClientSandboxState } from '@agentbox/control-plane';
import type { PrincipalId, SandboxProfile } from '@agentbox/protocol';
import type { AnswerPlan } from './exec-plan.ts';

export interface Placement {
  /** null: on the host, without a sandbox */
  readonly profile: SandboxProfile | null;
  /** what the client asked for and did not get, a sentence each, for the answer */
  readonly narrowed: readonly string[];
}

/** Never wider than the ceiling, whatever was asked; throws an AgentboxError when nothing may run. */
export type PlaceCommand = (asked: {
  readonly owner: PrincipalId;
  readonly state: ClientSandboxState | null;
}) => Placement;

export const ON_THE_HOST: PlaceCommand = () => ({ profile: null, narrowed: [] });

/** What is needed of a turn. */
interface Placeable {
  readonly machine: { readonly place: PlaceCommand };
  readonly owner: PrincipalId;
  readonly context: Pick<CallContext, 'sandboxState'>;
}

export function placementOf({ machine, owner, context }: Placeable): Placement {
  return machine.place({ owner, state: context.sandboxState });
}

export function withNarrowed(answer: AnswerPlan, { narrowed }: Placement): AnswerPlan {
  return narrowed.length === 0 ? answer : { ...answer, warnings: [...answer.warnings, ...narrowed] };
}
