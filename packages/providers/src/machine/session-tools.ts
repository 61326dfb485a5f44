/** list_sessions, kill_session and resize_session. */
import type { ToolOutcome } from '@agentbox/control-plane';
import {
  type KillSessionInput,
  type KillSessionOutput,
  type ListSessionsInput,
  type ListSessionsOutput,
  type ResizeSessionInput,
  type ResizeSessionOutput,
  type SessionId,
  type SessionInfo,
  type SessionState,
  SIGNAL_NAMES,
  type SignalName,
} from '@agentbox/protocol';
import { closeRecord } from './collect.ts';
import { endTree } from './end-tree.ts';
import type { Turn } from './machine.ts';
import { done, type Failed, fail, oneLine } from './outcome.ts';
import { cleanOutput, decodeUtf8 } from './output/index.ts';
import { findSession } from './session-lookup.ts';
import { viewAt } from './session-views.ts';

const LAST_LINE_BYTES = 1024;
const MAX_LAST_LINE_CHARS = 200;
const MAX_COMMAND_CHARS = 500;
const MAX_BACKGROUND = 10;
const DEFAULT_LISTED = 50;
/** after a chosen signal: long enough to see the end of what obeys at once */
const SIGNAL_WAIT_MS = 500;

type Listed = ListSessionsOutput['sessions'][number];

export async function listSessions(turn: Turn, input: ListSessionsInput): Promise<ToolOutcome> {
  const all = await turn.machine.box.list(turn.owner);
  const wanted = input.running_only === true ? all.filter(({ state }) => state.kind === 'running') : all;
  const sorted = [...wanted].sort((a, b) => rank(a.state) - rank(b.state) || b.startedAt - a.startedAt);
  const shown = sorted.slice(0, input.max_results ?? DEFAULT_LISTED);
  const structured: ListSessionsOutput = {
    sessions: await Promise.all(shown.map((info) => describe(turn, info))),
    running: all.filter(({ state }) => state.kind === 'running').length,
    not_listed: sorted.length - shown.length,
  };
  return done(listText(structured), structured);
}

/** What runs comes first, then what left something running. */
function rank(state: SessionState): number {
  if (state.kind === 'running') return 0;
  return state.kind === 'exited' && state.background.length > 0 ? 1 : 2;
}

async function describe(turn: Turn, info: SessionInfo): Promise<Listed> {
  const { machine, owner } = turn;
  const { cursor } = machine.views.get(owner, info.session) ?? viewAt(info);
  const { state } = info;
  return {
    session_id: info.session,
    state: state.kind,
    command: oneLine(info.command, MAX_COMMAND_CHARS),
    cwd: info.cwd,
    tty: info.io.kind === 'tty',
    pid: info.pid,
    age_seconds: Math.max(0, Math.round((machine.clock() - info.startedAt) / 1000)),
    unread_bytes: Math.max(0, info.written - cursor),
    cursor,
    last_line: await lastLine(turn, info),
    ...(state.kind === 'exited' ? { exit_code: state.exit.code } : {}),
    ...(state.kind === 'exited' && state.exit.signal !== null ? { signal: state.exit.signal } : {}),
    ...(state.kind === 'lost' ? { cause: state.cause } : {}),
    background:
      state.kind === 'exited'
        ? state.background
            .slice(0, MAX_BACKGROUND)
            .map(({ pid, command, ports }) => ({ pid, command: oneLine(command, 200), ports: [...ports] }))
        : [],
  };
}

async function lastLine(turn: Turn, info: SessionInfo): Promise<string> {
  if (info.written === 0) return '';
  const from = Math.max(0, info.written - LAST_LINE_BYTES);
  const ask = { session: info.session, stream: 'output', from, max: LAST_LINE_BYTES } as const;
  const { bytes } = await turn.machine.box.read(turn.owner, ask);
  const text = cleanOutput(decodeUtf8(bytes, { atEnd: true }).text, { atEnd: true }).text.trimEnd();
  return oneLine(text.slice(text.lastIndexOf('\n') + 1), MAX_LAST_LINE_CHARS);
}

function listText({ sessions, not_listed }: ListSessionsOutput): string {
  if (sessions.length === 0) return 'There are no sessions.\n';
  const lines = sessions.map((one) => {
    const end = one.exit_code === undefined ? '' : ` with code ${one.exit_code}`;
    const left = one.background.length > 0 ? `, ${one.background.length} in the background` : '';
    const unread = `${one.unread_bytes} unread bytes`;
    return `${one.session_id}  ${one.state}${end}${left}  ${one.age_seconds} s  ${unread}  ${one.command}\n    ${one.last_line}`;
  });
  return `${lines.join('\n')}\n${not_listed > 0 ? `${not_listed} more are not listed.\n` : ''}`;
}

export async function killSession(turn: Turn, input: KillSessionInput): Promise<ToolOutcome> {
  const session = findSession(input.session_id);
  if (typeof session !== 'string') return session;
  if (input.signal === undefined && input.tree !== false) return endWhole(turn, session);
  const signal = parseSignal(input.signal ?? 'TERM');
  if (typeof signal !== 'string') return signal;
  return input.tree === false ? signalForeground(turn, session, signal) : signalTree(turn, session, signal);
}

async function endWhole(turn: Turn, session: SessionId): Promise<ToolOutcome> {
  const ended = await endTree(turn, session);
  return killed(session, 'TERM', ended.state, ended.killed, ended);
}

async function signalTree(turn: Turn, session: SessionId, signal: SignalName): Promise<ToolOutcome> {
  const reply = await turn.machine.box.kill(turn.owner, session, `SIG${signal}`, SIGNAL_WAIT_MS);
  if (reply.state.kind === 'exited') closeRecord(turn, session, reply.state.exit);
  return killed(session, signal, reply.state, false, reply);
}

async function signalForeground(turn: Turn, session: SessionId, signal: SignalName): Promise<ToolOutcome> {
  await turn.machine.box.interrupt(turn.owner, session, `SIG${signal}`);
  const { state } = await turn.machine.box.info(turn.owner, session);
  return killed(session, signal, state, false, null);
}

function killed(
  session: SessionId,
  signal: SignalName,
  state: SessionState,
  insisted: boolean,
  counts: { readonly signalled: number; readonly alive: number } | null,
): ToolOutcome {
  const structured: KillSessionOutput = {
    session_id: session,
    signal,
    ...(counts === null ? {} : { signalled: counts.signalled, alive: counts.alive }),
    killed: insisted,
    state: state.kind,
    ...(state.kind === 'exited' ? { exit_code: state.exit.code } : {}),
    ...(state.kind === 'exited' && state.exit.signal !== null ? { ended_by: state.exit.signal } : {}),
  };
  const reached = counts === null ? 'the foreground program' : `${counts.signalled} processes`;
  const left = counts === null ? '' : ` ${counts.alive} are alive.`;
  const then = insisted ? ', then KILL' : '';
  return done(`Sent ${signal}${then} to ${reached} of ${session}.${left} The session is ${state.kind}.\n`, structured);
}

/** "SIGINT", "int" and "2" are all INT. */
function parseSignal(text: string): SignalName | Failed {
  const name = text.trim().toUpperCase().replace(/^SIG/, '');
  const known = SIGNAL_NAMES.find((one) => one === (SIGNAL_NUMBERS[name] ?? name));
  if (known !== undefined) return known;
  return fail(
    'SIGNAL_UNKNOWN',
    `there is no signal ${JSON.stringify(text.slice(0, 32))}; known are ${SIGNAL_NAMES.join(', ')}`,
    { signals: SIGNAL_NAMES },
  );
}

/** The numbers that people write, the same on every Linux architecture of ours. */
const SIGNAL_NUMBERS: Readonly<Record<string, SignalName>> = { 1: 'HUP', 2: 'INT', 3: 'QUIT', 9: 'KILL', 15: 'TERM' };

export async function resizeSession(turn: Turn, input: ResizeSessionInput): Promise<ToolOutcome> {
  const session = findSession(input.session_id);
  if (typeof session !== 'string') return session;
  const { cols, rows } = input;
  await turn.machine.box.resize(turn.owner, session, { cols, rows });
  const structured: ResizeSessionOutput = { session_id: session, cols, rows };
  return done(`The terminal of ${session} has ${cols} columns and ${rows} rows.\n`, structured);
}
