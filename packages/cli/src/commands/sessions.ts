/** `agentbox sessions`: the terminals that agents opened; the operator may see and end all of them. */
import { type BoxConnection, connectBox } from '@agentbox/boxd-client';
import { AgentboxError, type SessionInfo, type SessionState } from '@agentbox/protocol';
import { attach } from '../attach/attach.ts';
import { parseKey } from '../attach/detach-key.ts';
import { type Command, HOME, JSON_OUT, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { ago, bytes } from '../terminal/format.ts';
import { type Paint, plain, screenOn } from '../terminal/screen.ts';

export const sessions: Command = {
  name: 'sessions',
  summary: 'List the terminals of agents, look into one, end one.',
  synopsis: 'list|attach|kill [SESSION] [--all] [--signal NAME] [--json] [--home DIR]',
  about:
    'A session may be named by the beginning of its id. `attach` is a real terminal: keys go to the session,\n' +
    'and Ctrl-] leaves it while it goes on.',
  options: {
    all: { type: 'boolean', short: 'a', help: 'list: also those that have ended' },
    signal: { type: 'string', short: 's', value: 'NAME', help: 'kill: signal for every process of it (TERM)' },
    'detach-key': { type: 'string', value: 'KEY', help: 'attach: key that leaves it, such as ctrl-a (ctrl-])' },
    json: JSON_OUT,
    home: HOME,
  },
  examples: [
    ['agentbox sessions list', 'what runs now'],
    ['agentbox sessions attach s_7k', 'look over the agent’s shoulder'],
    ['agentbox sessions kill s_7k -s KILL', 'end it and everything it started'],
  ],
  run: runSessions,
};

const KILL_WAIT_MS = 5000;

async function runSessions(args: Parsed, io: Io): Promise<number> {
  const [action = 'list', id, ...rest] = args.positionals;
  if (rest.length > 0) throw new UsageError(`unexpected \`${rest.join(' ')}\``);
  if (action === 'list') return list(args, io);
  if (action !== 'attach' && action !== 'kill') throw new UsageError(`say list, attach or kill, not \`${action}\``);
  const key = parseKey(args.text('detach-key') ?? 'ctrl-]');
  const box = await connectBox({ home: pathsOf(args, io).home, reconnectMs: 0 });
  try {
    const session = chosen(await box.list(null), id);
    return action === 'attach' ? await attach(box, session, key, io) : await kill(box, session, args, io);
  } finally {
    await box.close();
  }
}

async function list(args: Parsed, io: Io): Promise<number> {
  const all = await everySession(pathsOf(args, io).home);
  const shown = all.filter((one) => args.flag('all') || args.flag('json') || one.state.kind === 'running');
  if (args.flag('json')) {
    io.stdout.write(`${JSON.stringify(shown)}\n`);
    return EXIT.done;
  }
  const screen = screenOn(io.stdout, io.env);
  if (shown.length === 0) {
    const ended = all.length === 0 ? '' : ` ${all.length} ended: agentbox sessions list --all`;
    screen.line(`Nothing runs.${ended}`);
    return EXIT.done;
  }
  screen.table(
    ['SESSION', 'STATE', 'AGE', 'OUTPUT', 'TERMINAL', 'COMMAND'],
    shown.map((one) => [
      one.session,
      stateWord(one.state, screen.paint),
      ago(one.startedAt),
      bytes(one.written),
      one.io.kind === 'tty' ? `${one.io.size.cols}x${one.io.size.rows}` : 'pipe',
      plain(one.command),
    ]),
  );
  return EXIT.done;
}

async function everySession(home: string): Promise<readonly SessionInfo[]> {
  let box: BoxConnection;
  try {
    box = await connectBox({ home, reconnectMs: 0 });
  } catch (fault) {
    if (fault instanceof AgentboxError && (fault.code === 'BOX_UNAVAILABLE' || fault.code === 'NOT_RUNNING')) return [];
    throw fault;
  }
  try {
    return await box.list(null);
  } finally {
    await box.close();
  }
}

function stateWord(state: SessionState, paint: Paint): string {
  if (state.kind === 'running') return paint('good', 'running');
  if (state.kind === 'lost') return paint('bad', 'lost');
  return paint(state.exit.code === 0 ? 'quiet' : 'doubt', `exit ${state.exit.code}`);
}

function chosen(all: readonly SessionInfo[], id: string | undefined): SessionInfo {
  if (id === undefined) {
    const [only, ...others] = all.filter((one) => one.state.kind === 'running');
    if (only !== undefined && others.length === 0) return only;
    throw new UsageError('name a session; `agentbox sessions list` shows them');
  }
  const found = all.filter((one) => one.session.startsWith(id) || one.session.startsWith(`s_${id}`));
  const [only, ...others] = found;
  if (only === undefined) throw new AgentboxError('SESSION_NOT_FOUND', `there is no session ${id}`);
  if (others.length > 0) throw new UsageError(`\`${id}\` begins the ids of ${found.length} sessions`);
  return only;
}

async function kill(box: BoxConnection, session: SessionInfo, args: Parsed, io: Io): Promise<number> {
  const signal = `SIG${(args.text('signal') ?? 'TERM').toUpperCase().replace(/^SIG/, '')}`;
  const reply = await box.kill(session.owner, session.session, signal, KILL_WAIT_MS);
  const screen = screenOn(io.stdout, io.env);
  if (reply.alive === 0) {
    screen.line(
      `Ended ${session.session} (${signal} to ${reply.signalled} process${reply.signalled === 1 ? '' : 'es'}).`,
    );
    return EXIT.done;
  }
  screen.line(`${reply.alive} of ${reply.signalled} processes of ${session.session} still run after ${signal}.`);
  screen.line(screen.paint('quiet', `  agentbox sessions kill ${session.session} --signal KILL`));
  return EXIT.failed;
}
