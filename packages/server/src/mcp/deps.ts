/** What the door is built from, and who stands before it. The HTTP edge has already verified the caller. */
import type {
  CallPipeline,
  Catalog,
  Principal,
  PromptProvider,
  ResourceProvider,
  SkillLibrary,
} from '@agentbox/control-plane';
import type { DoorLimits } from './limits.ts';
import type { ParseSandboxState } from './sandbox-state.ts';

export interface DoorCaller {
  readonly principal: Principal;
  readonly tokenId: string;
  /** milliseconds since the epoch; null when the token does not expire */
  readonly expiresAt: number | null;
}

export interface McpDoorDeps {
  readonly catalog: Catalog;
  readonly pipeline: CallPipeline;
  readonly skills: SkillLibrary | null;
  readonly resources: readonly ResourceProvider[];
  readonly prompts: PromptProvider | null;
  /** absent where commands have no sandbox: then nothing of it is advertised, and no state is read */
  readonly parseSandboxState?: ParseSandboxState;
  /** whether tools send log entries: decides if the capability is advertised */
  readonly logging: boolean;
  readonly info: { readonly name: string; readonly title: string; readonly version: string };
  /** for the model: what the server is for and how to begin */
  readonly instructions: string;
  readonly limits?: Partial<DoorLimits>;
  /** seals what travels through a client; without one, nothing that was asked outlives this process */
  readonly stateKey?: Buffer;
  /** faults of the door itself, for the operator's log; never holds arguments or results */
  readonly onFault?: (fault: unknown) => void;
}
