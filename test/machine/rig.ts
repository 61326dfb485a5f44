/** A machine provider on a real box, a real database and a real skill library, with the schemas of every answer checked. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type {
  CallContext,
  ClientSandboxState,
  Principal,
  Progress,
  SessionStore,
  ToolOutcome,
  ToolProvider,
} from '@agentbox/control-plane';
import {
  MACHINE_OUTPUTS,
  type MachineToolName,
  newCallId,
  newPrincipalId,
  newTraceId,
  OPERATOR,
  SCOPES,
} from '@agentbox/protocol';
import {
  createMachineProvider,
  createSkillLibrary,
  type MachineSettings,
  type PlaceCommand,
} from '@agentbox/providers';
import { openStores } from '@agentbox/storage';
import { startTestBox, type TestBox, type TestBoxOptions } from '../box/harness.ts';

/** What a test reads of an answer; a field that the tool does not give is undefined. */
export interface Answer {
  readonly kind: ToolOutcome['kind'];
  readonly text: string;
  readonly code: string;
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly structured: Structured;
}

type Fields = Record<string, unknown>;
interface Structured extends Readonly<Fields> {
  readonly output: string;
  readonly session_id: string;
  readonly exit_code?: number;
}

interface CallOptions {
  readonly as?: Principal;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly sandboxState?: ClientSandboxState;
}

export interface Rig extends AsyncDisposable {
  readonly provider: ToolProvider;
  readonly box: TestBox;
  readonly store: SessionStore;
  readonly workdir: string;
  readonly faults: readonly string[];
  readonly skillRoot: string;
  writeSkill(name: string, description: string): void;
  call(tool: MachineToolName, given: Fields, options?: CallOptions): Promise<Answer>;
  exec(cmd: string, more?: Fields, options?: CallOptions): Promise<Answer>;
  context(options?: CallOptions): CallContext;
}

export const operator: Principal = { id: OPERATOR, name: 'operator', scopes: new Set(SCOPES) };
export const stranger: Principal = { id: newPrincipalId(), name: 'stranger', scopes: new Set(SCOPES) };

/** Polls are shorter than for a model, so that the suite does not sit and wait. */
const QUICK: Partial<MachineSettings> = { pollYieldMs: { standard: 2000, least: 250, most: 300_000 } };

export async function startRig(
  settings: Partial<MachineSettings> = {},
  options: TestBoxOptions = {},
  place?: PlaceCommand,
): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(tmpdir(), 'agentbox-machine-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const workdir = path.join(folder, 'work');
  const skillRoot = path.join(folder, 'skills');
  mkdirSync(workdir);
  writeSkill(skillRoot, 'release-notes', 'Writes release notes from the log.', 'Read the log first.\n');
  const box = stack.use(await startTestBox(options));
  const stores = stack.use(await openStores({ kind: 'sqlite', path: path.join(folder, 'state.db'), clock: Date.now }));
  const skills = stack.use(await createSkillLibrary({ roots: [{ path: skillRoot, label: 'test' }] }));
  const faults: string[] = [];
  const provider = createMachineProvider({
    box: box.box,
    skills,
    sessions: stores.sessions,
    settings: { ...QUICK, defaultWorkdir: workdir, ...settings },
    clock: Date.now,
    ...(place === undefined ? {} : { place }),
    reportFault: (what, _facts, fault) => void faults.push(`${what}: ${String(fault)}`),
  });
  const owned = stack.move();
  const call = (tool: MachineToolName, given: Fields, more: CallOptions = {}): Promise<Answer> =>
    performCall(provider, tool, given, contextFor(more));
  return {
    provider,
    box,
    store: stores.sessions,
    workdir,
    faults,
    skillRoot,
    writeSkill: (name, description) => writeSkill(skillRoot, name, description, 'Do it.\n'),
    call,
    exec: (cmd, more = {}, options) => call('exec_command', { cmd, login: false, ...more }, options),
    context: contextFor,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function writeSkill(root: string, name: string, description: string, body: string): void {
  mkdirSync(path.join(root, name), { recursive: true });
  writeFileSync(path.join(root, name, 'SKILL.md'), `---\nname: ${name}\ndescription: ${description}\n---\n${body}`);
}

function contextFor({ as = operator, signal, onProgress, sandboxState }: CallOptions = {}): CallContext {
  return {
    principal: as,
    client: {
      name: 'test',
      version: '1',
      elicitation: { form: false, url: false },
      sampling: false,
      roots: false,
      tasks: false,
    },
    sandboxState: sandboxState ?? null,
    signal: signal ?? new AbortController().signal,
    trace: newTraceId(),
    progress: (progress) => onProgress?.(progress),
  };
}

async function performCall(
  provider: ToolProvider,
  tool: MachineToolName,
  given: Fields,
  context: CallContext,
): Promise<Answer> {
  const outcome = await provider.call({ id: newCallId(), tool, arguments: given, answers: null }, context);
  if (outcome.kind === 'failed') {
    const { code, message, detail } = outcome;
    assert.ok(message.length > 0 && message.length < 4000, `${tool}: a failure has a message`);
    return { kind: 'failed', text: message, code, message, detail, structured: NOTHING };
  }
  assert.ok(outcome.kind === 'done' || outcome.kind === 'running', `${tool}: ${outcome.kind}`);
  const { content, structured } = outcome.kind === 'done' ? outcome.result : outcome.partial;
  const checked = MACHINE_OUTPUTS[tool].safeParse(structured);
  assert.ok(checked.success, `${tool}: ${JSON.stringify(checked.error?.issues)}`);
  const text = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  assert.ok(text.length <= 45_000, `${tool}: text of ${text.length} characters`);
  assert.ok(chars(structured) <= 45_000, `${tool}: structure with ${chars(structured)} characters`);
  return { kind: outcome.kind, text, code: '', message: '', detail: {}, structured: { ...NOTHING, ...structured } };
}

const NOTHING: Structured = { output: '', session_id: '' };

function chars(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + chars(member), 0);
}
