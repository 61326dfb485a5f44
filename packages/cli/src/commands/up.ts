/** `agentbox up`: the server in the foreground. With --json one line on standard output, when ready, and nothing else. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { homePaths, type Override, type RunningServer, resolveHome, startServer } from '@agentbox/server';
import { type Command, HOME, JSON_OUT, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { type Screen, screenOn } from '../terminal/screen.ts';
import { spinOn } from '../terminal/spinner.ts';

export const up: Command = {
  name: 'up',
  summary: 'Start agentbox here and show how to connect.',
  synopsis: '[--home DIR] [--port N] [--profile workspace|read-only|host] [--workspace DIR] [--json]',
  about:
    'Stays in the foreground. Ctrl-C stops the server; the box ends with it unless terminals still run in it,\n' +
    'and the next `agentbox up` finds those again. SIGTERM leaves the box. `agentbox down` ends everything,\n' +
    'also when npx was ended and the server went on.',
  options: {
    home: HOME,
    port: { type: 'string', short: 'p', value: 'N', help: 'port on 127.0.0.1 (7070); 0 takes a free one' },
    profile: { type: 'string', value: 'NAME', help: 'workspace: a sandbox that may write the workspace (default)' },
    workspace: { type: 'string', value: 'DIR', help: 'the directory that commands may change (~/agentbox-workspace)' },
    json: JSON_OUT,
  },
  examples: [
    ['agentbox up', 'start, with the home in ~/.agentbox'],
    ['agentbox up --port 0 --json', 'for scripts: {"url","token","pid","boxd_pid"} when ready'],
    ['AGENTBOX_HOME=/srv/box agentbox up', 'another home'],
  ],
  run: runUp,
};

async function runUp(args: Parsed, io: Io): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError(`unexpected \`${args.positionals.join(' ')}\``);
  const home = resolveHome(args.text('home'), io.env);
  const stop = stopSignal();
  const spinner = spinOn(io, 'starting');
  let server: RunningServer;
  try {
    server = await startServer({ home, env: io.env, flags: flagsOf(args, io), dist: join(io.root, 'dist') });
  } finally {
    spinner.stop();
  }
  const screen = screenOn(io.stdout, io.env);
  if (args.flag('json')) {
    const { url, token, pid, boxdPid } = server;
    io.stdout.write(`${JSON.stringify({ url, token, pid, boxd_pid: boxdPid })}\n`);
  } else {
    showReady(server, home, callableAs(io), screen);
  }
  const signal = await untilEnd(stop, server);
  const notes = screenOn(io.stderr, io.env);
  if (signal === 'SIGINT' && notes.isTerminal) notes.line();
  const ended = await server.stop(signal === 'SIGINT' ? 'end-idle-box' : 'keep-box');
  if (!args.flag('json')) sayEnded(ended, notes);
  return EXIT.done;
}

function flagsOf(args: Parsed, io: Io): readonly Override[] {
  const flags: Override[] = [];
  const port = args.text('port');
  const profile = args.text('profile');
  const workspace = args.text('workspace');
  if (port !== undefined) {
    flags.push({ path: ['server', 'port'], value: /^\d{1,9}$/.test(port) ? Number(port) : port, origin: '--port' });
  }
  if (profile !== undefined) flags.push({ path: ['box', 'profile'], value: profile, origin: '--profile' });
  if (workspace !== undefined) {
    const absolute = workspace.startsWith('/') ? workspace : join(io.cwd, workspace);
    flags.push({ path: ['box', 'workspace'], value: absolute, origin: '--workspace' });
  }
  return flags;
}

/** A server that cannot serve any more is ended and not left standing, so that whoever started it can start it again. */
async function untilEnd(stop: Promise<StopSignal>, server: RunningServer): Promise<StopSignal> {
  try {
    return await Promise.race([stop, server.failed]);
  } catch (fault) {
    // That it stops badly without its database is known; what made it fail is what is told.
    await server.stop('keep-box').catch(() => undefined);
    throw fault;
  }
}

type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** A second signal finds no listener and ends the process at once. */
function stopSignal(): Promise<StopSignal> {
  const signals: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  return new Promise((resolve) => {
    const heard = (signal: StopSignal): void => {
      for (const one of signals) process.off(one, heard);
      resolve(signal);
    };
    for (const one of signals) process.on(one, heard);
  });
}

function showReady(server: RunningServer, home: string, alias: string | null, screen: Screen): void {
  const { paint } = screen;
  screen.line();
  screen.line(`  ${paint('strong', 'agentbox')} ${server.version}   ${paint('good', '●')} ready`);
  screen.line();
  screen.pairs([
    ['URL', paint('link', server.url)],
    // What is not a terminal is often a journal, which others read and which is kept for months.
    ['Token', screen.isTerminal ? server.token : `in ${homePaths(home).token}`],
    ['Home', home],
    ['Commands', whereCommandsRun(server, screen)],
    ...(server.workspace === null ? [] : [['Workspace', server.workspace] as const]),
    ...(server.found > 0
      ? [['Found', `${server.found} terminal${server.found === 1 ? '' : 's'} that went on meanwhile`] as const]
      : []),
    // That commands run without a sandbox is said above.
    ...server.weaker.flatMap((text) =>
      text.startsWith('box.profile:') ? [] : [['Weaker', paint('doubt', text)] as const],
    ),
    ['', ''],
    ...(alias === null ? [] : [['Command', alias] as const]),
    ['Connect', 'agentbox connect claude|codex|cursor|vscode|chatgpt|gemini'],
    ['Watch', 'agentbox sessions list'],
    ['Decide', 'agentbox approvals watch'],
    ['Stop', 'Ctrl-C'],
  ]);
  screen.line();
}

/** In a checkout the lines below are only understood with this one; null where `agentbox` is found. */
function callableAs({ env, root }: Io): string | null {
  const launcher = join(root, 'packages', 'cli', 'bin', 'agentbox');
  const isFound = (env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'agentbox')));
  return isFound || !existsSync(launcher) ? null : `alias agentbox=${launcher}`;
}

function whereCommandsRun({ profile, hostname }: RunningServer, { paint }: Screen): string {
  const how = {
    workspace: `${paint('good', 'in a sandbox')} that may write the workspace`,
    'read-only': `${paint('good', 'in a sandbox')} that may write nothing`,
    host: `${paint('doubt', 'without a sandbox and without rules')} (profile host)`,
  } as const;
  return `run as ${userInfo().username} on ${hostname}, ${how[profile]}`;
}

function sayEnded(ended: { readonly box: 'ended' | 'kept'; readonly running: number }, notes: Screen): void {
  const sessions = `${ended.running} terminal${ended.running === 1 ? '' : 's'}`;
  if (ended.box === 'ended') notes.line('  agentbox has stopped.');
  else if (ended.running === 0) notes.line('  The server has stopped; the box waits for the next `agentbox up`.');
  else
    notes.line(
      `  The server has stopped; ${sessions} still run${ended.running === 1 ? 's' : ''}. End them with \`agentbox down\`.`,
    );
}
