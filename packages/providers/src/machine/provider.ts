/** The machine as a source of tools: parses the arguments, runs the tool, turns what it refuses into an outcome. */
import { assertInvariant, Emitter, type Signal, unreachable } from '@agentbox/base';
import type {
  CallContext,
  Clock,
  Principal,
  ReportFault,
  SessionStore,
  ToolCall,
  ToolDefinition,
  ToolOutcome,
  ToolProvider,
} from '@agentbox/control-plane';
import {
  type Box,
  type BoxFacts,
  MACHINE_TOOL_NAMES,
  type MachineToolName,
  type ProviderId,
  parseProviderId,
  parseToolArguments,
} from '@agentbox/protocol';
import { bootstrap } from './bootstrap.ts';
import { machineDefinitions } from './definitions.ts';
import { execCommand } from './exec-command.ts';
import type { Machine, QuestionDesk, Turn } from './machine.ts';
import { fail, failedWith } from './outcome.ts';
import { applyPatch } from './patch-command.ts';
import { ON_THE_HOST, type PlaceCommand } from './placement.ts';
import { readOutput } from './read-output.ts';
import { explainMissing } from './session-lookup.ts';
import { killSession, listSessions, resizeSession } from './session-tools.ts';
import { SessionViews } from './session-views.ts';
import { type MachineSettings, settleSettings } from './settings.ts';
import { shell } from './shell-tool.ts';
import { listSkills, loadSkill } from './skill-tools.ts';
import type { MachineSkillLibrary } from './skills/index.ts';
import { secretInput, writeStdin } from './write-stdin.ts';

export interface MachineProviderOptions {
  readonly box: Box;
  readonly skills: MachineSkillLibrary;
  readonly sessions: SessionStore;
  readonly settings: Partial<MachineSettings>;
  readonly clock: Clock;
  readonly reportFault: ReportFault;
  /** in what a caller's commands run; without it on the host */
  readonly place?: PlaceCommand;
  readonly approvals?: QuestionDesk;
}

export function createMachineProvider(options: MachineProviderOptions): ToolProvider {
  return new MachineProvider(options);
}

class MachineProvider implements ToolProvider {
  readonly id: ProviderId;
  readonly changed: Signal<ProviderId> = new Emitter<ProviderId>();
  readonly #machine: Machine;
  readonly #definitions = machineDefinitions();

  constructor({ settings, place = ON_THE_HOST, approvals, ...parts }: MachineProviderOptions) {
    const id = parseProviderId('machine');
    assertInvariant(id !== undefined, 'machine is a provider id');
    this.id = id;
    this.#machine = {
      ...parts,
      place,
      approvals: approvals ?? null,
      settings: settleSettings(settings),
      views: new SessionViews(),
      facts: once(() => parts.box.facts()),
    };
  }

  list(_caller: Principal): readonly ToolDefinition[] {
    return this.#definitions;
  }

  async call(call: ToolCall, context: CallContext): Promise<ToolOutcome> {
    const tool = MACHINE_TOOL_NAMES.find((name) => name === call.tool);
    if (tool === undefined) return fail('TOOL_NOT_FOUND', `the machine has no tool ${JSON.stringify(call.tool)}`);
    const turn = this.#turn(context);
    try {
      return await runTool(turn, tool, call);
    } catch (fault) {
      const failed = failedWith(fault);
      if (failed === undefined) throw fault;
      const named = call.arguments['session_id'];
      return failed.code === 'SESSION_NOT_FOUND' && typeof named === 'string'
        ? explainMissing(turn, named, failed)
        : failed;
    }
  }

  /** What is typed where nothing is echoed is a secret; arguments that cannot be parsed are all withheld by the caller. */
  async secretArguments(call: ToolCall, context: CallContext): Promise<readonly string[]> {
    if (call.tool !== 'write_stdin') return [];
    const parsed = parseToolArguments('write_stdin', call.arguments);
    if (parsed.kind === 'wrong') return Object.keys(call.arguments);
    try {
      return await secretInput(this.#turn(context), parsed.value);
    } catch (fault) {
      // The call itself will say what is wrong with the session; nothing is typed then.
      if (failedWith(fault)?.code === 'SESSION_NOT_FOUND') return ['chars', 'keys'];
      throw fault;
    }
  }

  #turn(context: CallContext): Turn {
    return { machine: this.#machine, owner: context.principal.id, context, startedAt: performance.now() };
  }
}

/** What failed is asked again by the next caller. */
function once(ask: () => Promise<BoxFacts>): () => Promise<BoxFacts> {
  let asked: Promise<BoxFacts> | null = null;
  return () => {
    asked ??= ask().catch((fault: unknown) => {
      asked = null;
      throw fault;
    });
    return asked;
  };
}

async function runTool(
  turn: Turn,
  tool: MachineToolName,
  { arguments: given, answers }: ToolCall,
): Promise<ToolOutcome> {
  switch (tool) {
    case 'exec_command':
      return parsed(tool, given, (input) => execCommand(turn, input, answers));
    case 'write_stdin':
      return parsed(tool, given, (input) => writeStdin(turn, input, answers));
    case 'apply_patch':
      return parsed(tool, given, (input) => applyPatch(turn, input));
    case 'bootstrap':
      return parsed(tool, given, () => bootstrap(turn));
    case 'list_skills':
      return parsed(tool, given, (input) => listSkills(turn, input));
    case 'load_skill':
      return parsed(tool, given, (input) => loadSkill(turn, input));
    case 'list_sessions':
      return parsed(tool, given, (input) => listSessions(turn, input));
    case 'kill_session':
      return parsed(tool, given, (input) => killSession(turn, input));
    case 'resize_session':
      return parsed(tool, given, (input) => resizeSession(turn, input));
    case 'read_output':
      return parsed(tool, given, (input) => readOutput(turn, input));
    case 'shell':
      return parsed(tool, given, (input) => shell(turn, input, answers));
    default:
      return unreachable(tool);
  }
}

type InputOf<Name extends MachineToolName> = Extract<
  ReturnType<typeof parseToolArguments<Name>>,
  { readonly kind: 'ok' }
>['value'];

async function parsed<Name extends MachineToolName>(
  tool: Name,
  given: Readonly<Record<string, unknown>>,
  run: (input: InputOf<Name>) => ToolOutcome | Promise<ToolOutcome>,
): Promise<ToolOutcome> {
  const input = parseToolArguments(tool, given);
  return input.kind === 'wrong' ? fail('INVALID_ARGUMENTS', input.why) : run(input.value);
}
