/**
 * Everything between the doors and the box, constructed once: record, principals, box, tools, pipeline. What is
 * constructed last ends first; whatever fails on the way ends what stands already.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { compileRedactor, type Redactor } from '@agentbox/base';
import { type BoxConnection, connectBox, startBoxDaemon } from '@agentbox/boxd-client';
import {
  type Approvals,
  type AuditLog,
  type Catalog,
  createCallPipeline,
  createCatalog,
  createPrincipals,
  type ObservedCallPipeline,
  type Principal,
  type Principals,
} from '@agentbox/control-plane';
import { AgentboxError, type AuditEntry, OPERATOR, type PolicyState, SCOPES, VERSION } from '@agentbox/protocol';
import { createMachineProvider, createSkillLibrary, type MachineSkillLibrary, skillRoots } from '@agentbox/providers';
import { parseSandboxState } from '@agentbox/sandbox';
import type { OpenedStores } from '@agentbox/storage';
import { doorLimits, machineSettings, policySettings, skillPlaces } from '../config/mapping.ts';
import { createInbox, type Inbox } from '../lifecycle/inbox.ts';
import { createOperator, ensureOperatorToken, type Operator } from '../lifecycle/operator.ts';
import { goneWithin } from '../lifecycle/processes.ts';
import { readStateKey } from '../lifecycle/state-key.ts';
import type { McpDoorDeps } from '../mcp/deps.ts';
import { serveStdioDoor } from '../mcp/stdio.ts';
import { openBoxQuestions } from './box-questions.ts';
import { ExecRecords } from './exec-records.ts';
import { type CoreOptions, daemonOptions, type Ground } from './ground.ts';
import { placeCommands } from './profiles.ts';
import { endBox } from './stop-all.ts';

export interface Core extends AsyncDisposable {
  readonly stores: OpenedStores;
  readonly audit: AuditLog;
  readonly principals: Principals;
  readonly operator: Operator;
  /** what waits for a person, for whoever owns the home */
  readonly inbox: Inbox;
  readonly box: BoxConnection;
  readonly pipeline: ObservedCallPipeline;
  /** changes when the box was lost and started again */
  boxdPid(): number;
  readonly door: McpDoorDeps;
  /** no command in a sandbox may reach this port, whatever the rules grant */
  closeToSandboxes(port: number): Promise<void>;
  /** ends every session and the box itself */
  endBox(): Promise<void>;
  /** the operator's own token */
  token(): string;
  record(kind: AuditEntry['kind'], subject: string, detail: AuditEntry['detail']): Promise<void>;
}

/** For doors that only the owner of the home can reach. */
export const OPERATOR_CALLER: { readonly principal: Principal; readonly tokenId: string; readonly expiresAt: null } = {
  principal: { id: OPERATOR, name: 'operator', scopes: new Set(SCOPES) },
  tokenId: 'local',
  expiresAt: null,
};

/** how long a call waits for a box that is being restarted, in ms */
const BOX_RESTART_MS = 10_000;
/** how much longer than its question a dialog is known, so that a late answer is told what came of it */
const DIALOG_MORE_MS = 5 * 60_000;
const FIRST_RETRY_MS = 100;
/** between two looks whether a box that is being connected to is still there */
const LOOK_MS = 200;
const SLOWEST_RETRY_MS = 5000;

/** For the model, at the start of a conversation. */
const INSTRUCTIONS =
  'agentbox is a real Linux machine for you to work on. Call bootstrap first to learn what it is. Run commands with ' +
  'exec_command; one that goes on has a session id: poll it or answer it with write_stdin. Edit files with apply_patch. ' +
  'Load a skill before work that its description matches.';

export async function composeCore(options: CoreOptions, { stores, daemon }: Ground): Promise<Core> {
  const { paths, config, clock, reportFault } = options;
  await using stack = new AsyncDisposableStack();
  const { audit } = stores;
  const record: Core['record'] = async (kind, subject, detail) => {
    await audit.append({ at: clock(), kind, principal: null, trace: null, subject, outcome: 'ok', detail });
  };
  const boxd: BoxState = {
    pid: daemon.pid,
    isEnding: false,
    isReviving: false,
    ruleProblems: [],
    reconnected: () => undefined,
  };
  const [box, principals] = await Promise.all([
    connectWatched(options, record, boxd, stack),
    createPrincipals({ store: stores.principals, clock, random: randomBytes, reportFault }),
  ]);
  if (daemon.started) await record('box.started', 'host', { pid: daemon.pid });
  const tokens = { audit, principals, tokenFile: paths.token, clock };
  let token = await ensureOperatorToken(tokens);
  const operator = createOperator({ ...tokens, rotated: (fresh) => void (token = fresh) });
  const [questions, skills] = await Promise.all([
    openBoxQuestions(options, stores, box).then((opened) => stack.use(opened)),
    createSkillLibrary({ roots: skillRoots(skillPlaces(config, options.env)) }).then((opened) => stack.use(opened)),
  ]);
  const { approvals } = questions;
  boxd.reconnected = () => questions.reconnected();
  // The operator's own token is in a file that commands of the host profile can read: it must not reach a model.
  const redactor = redactorOf(() => token);
  const records = stack.use(new ExecRecords({ box, audit, redactor, reportFault }));
  records.start();
  const { catalog, pipeline } = composeTools(options, { stores, box, skills, approvals, redactor }, stack);
  return {
    stores,
    audit,
    principals,
    operator,
    inbox: stack.use(
      createInbox({
        approvals,
        operator: OPERATOR_CALLER.principal,
        nameOf: async (id) => (await stores.principals.get(id))?.name ?? id,
        amendFile: policySettings(config, paths.home, options.env, null).amendFile,
        clock,
      }),
    ),
    box,
    pipeline,
    boxdPid: () => boxd.pid,
    closeToSandboxes: async (port) => {
      if (options.means === null) return;
      await box.configure({ ...policySettings(config, paths.home, options.env, options.means), ownPorts: [port] });
    },
    endBox: () => {
      boxd.isEnding = true;
      return endBox(paths.home, boxd.pid);
    },
    door: doorDeps(options, catalog, pipeline, skills),
    token: () => token,
    record,
    ...ended(stack.move()),
  };
}

const ended = (kept: AsyncDisposableStack): AsyncDisposable => ({ [Symbol.asyncDispose]: () => kept.disposeAsync() });

interface BoxState {
  pid: number;
  isEnding: boolean;
  isReviving: boolean;
  /** why rules do not count: at the start nothing runs with less than the operator wrote */
  ruleProblems: readonly string[];
  /** hears of each connection after the first */
  reconnected: () => void;
}

/** Which rules are in force from now on, and which files do not count. */
async function recordRules(record: Core['record'], { rules, files, problems }: PolicyState): Promise<void> {
  for (const problem of problems) await record('policy.broken', problem, {});
  await record('policy.changed', files.join(', '), { rules, problems: problems.length });
}

/** A daemon that dies is said in the record and started again; what ran in it is lost, and its sessions say so. */
async function connectWatched(
  options: CoreOptions,
  record: Core['record'],
  boxd: BoxState,
  stack: AsyncDisposableStack,
): Promise<BoxConnection> {
  const box = await connectBox({
    home: options.paths.home,
    reconnectMs: BOX_RESTART_MS,
    policy: policySettings(options.config, options.paths.home, options.env, options.means),
    onPolicy: ({ problems }) => {
      boxd.ruleProblems = problems;
      for (const problem of problems) record('policy.broken', problem, {}).catch(() => undefined);
      boxd.reconnected();
    },
    onDisconnect: (reason) => {
      if (!boxd.isEnding && !boxd.isReviving) void revive(reason);
    },
  });
  const watch = await box.watch(0, (event) => {
    if (event.kind === 'policy') recordRules(record, event.state).catch(() => undefined);
  });
  stack.defer(() => watch.close());
  if (options.means !== null && boxd.ruleProblems.length > 0) {
    await box.close();
    throw new AgentboxError('RULES_INVALID', boxd.ruleProblems.join('\n'), {});
  }
  const revive = async (reason: string): Promise<void> => {
    boxd.isReviving = true;
    const lost: Lost = { pid: boxd.pid, reason, isRecorded: false };
    for (let waitMs = FIRST_RETRY_MS; !boxd.isEnding; waitMs = Math.min(waitMs * 2, SLOWEST_RETRY_MS)) {
      if (await restarted(options, record, boxd, box, lost)) break;
      await sleep(waitMs, undefined, { ref: false });
    }
    boxd.isReviving = false;
  };
  stack.defer(async () => {
    boxd.isEnding = true;
    await box.close();
  });
  return box;
}

/** A daemon whose end is still to be said in the record, or is said already. */
interface Lost {
  readonly pid: number;
  readonly reason: string;
  isRecorded: boolean;
}

/** The question at the end connects again, so that the end of the new daemon is heard as well. */
async function restarted(
  options: CoreOptions,
  record: Core['record'],
  boxd: BoxState,
  box: BoxConnection,
  lost: Lost,
): Promise<boolean> {
  try {
    if (!lost.isRecorded) await record('box.lost', 'host', { pid: lost.pid, reason: lost.reason });
    lost.isRecorded = true;
    const daemon = await startBoxDaemon(daemonOptions(options));
    boxd.pid = daemon.pid;
    if (daemon.started) await record('box.started', 'host', { pid: daemon.pid });
    Object.assign(lost, { pid: daemon.pid, reason: 'it ended as it started', isRecorded: false });
    await answers(box, daemon.pid);
    return true;
  } catch (fault) {
    if (!boxd.isEnding) options.reportFault('the box could not be restarted', {}, fault);
    return false;
  }
}

/** Rejects as soon as the new daemon is gone as well: the connection alone would wait for it to the end of its time. */
async function answers(box: BoxConnection, pid: number): Promise<void> {
  const answered = box.list(OPERATOR).then(() => 'answered' as const);
  // When the daemon is gone nobody waits for it any more.
  answered.catch(() => undefined);
  const look = async (): Promise<'gone' | 'there'> => ((await goneWithin(pid, LOOK_MS)) ? 'gone' : 'there');
  let heard: 'answered' | 'gone' | 'there' = 'there';
  while (heard === 'there') heard = await Promise.race([answered, look()]);
  if (heard === 'gone') throw new AgentboxError('BOX_UNAVAILABLE', `the box (process ${pid}) ended as it started`);
}

interface Parts {
  readonly stores: OpenedStores;
  readonly box: BoxConnection;
  readonly skills: MachineSkillLibrary;
  readonly approvals: Approvals;
  readonly redactor: () => Redactor;
}

function composeTools(
  options: CoreOptions,
  { stores, box, skills, approvals, redactor }: Parts,
  stack: AsyncDisposableStack,
): { readonly catalog: Catalog; readonly pipeline: ObservedCallPipeline } {
  const { config, clock, reportFault } = options;
  const settings = machineSettings(config, options.env);
  const { sessions } = stores;
  const place = placeCommands(options.paths.home, config, skills.roots);
  const machine = createMachineProvider({ box, skills, sessions, settings, clock, reportFault, place, approvals });
  const catalog = stack.use(createCatalog({ providers: [machine], prefix: config.tools.prefix, reportFault }));
  return { catalog, pipeline: createCallPipeline({ catalog, audit: stores.audit, redactor, clock, reportFault }) };
}

/** Compiled anew only after the token changed. */
function redactorOf(token: () => string): () => Redactor {
  let compiled: { readonly value: string; readonly redactor: Redactor } | undefined;
  return () => {
    const value = token();
    if (compiled?.value !== value) {
      compiled = { value, redactor: compileRedactor([{ name: 'operator-token', value }]) };
    }
    return compiled.redactor;
  };
}

function doorDeps(
  options: CoreOptions,
  catalog: Catalog,
  pipeline: ObservedCallPipeline,
  skills: MachineSkillLibrary,
): McpDoorDeps {
  return {
    catalog,
    pipeline,
    skills,
    resources: [],
    prompts: null,
    // On the host there is no sandbox whose state a client could set.
    ...(options.config.box.profile === 'host' ? {} : { parseSandboxState }),
    logging: false,
    info: { name: 'agentbox', title: 'agentbox', version: VERSION },
    instructions: INSTRUCTIONS,
    limits: { ...doorLimits(options.config), questionTtlMs: options.config.policy.question_ms + DIALOG_MORE_MS },
    stateKey: readStateKey(options.paths.stateKey),
    onFault: (fault) => options.reportFault('the MCP door failed', {}, fault),
  };
}

/** The stdio door on a connection whose other end is the owner of the home. */
export function serveMcpOn(core: Core, socket: Socket): Promise<void> {
  return serveStdioDoor(core.door, OPERATOR_CALLER, { stdin: socket, stdout: socket }).ended;
}

/** Rejects when the database is gone. */
export function failureOf(core: Core): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  core.stores.failed.subscribe(reject);
  // Whoever starts the server looks at it only later.
  promise.catch(() => undefined);
  return promise;
}
