/** `agentbox status`: whether agentbox runs, where, and how much goes on in it. */
import { connectBox } from '@agentbox/boxd-client';
import { readServerState } from '@agentbox/server';
import { type Command, HOME, JSON_OUT, type Parsed } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { ago } from '../terminal/format.ts';
import { screenOn } from '../terminal/screen.ts';

export const status: Command = {
  name: 'status',
  summary: 'Show whether agentbox runs, and where.',
  synopsis: '[--json] [--home DIR]',
  about: 'The exit code is 0 when the server runs and 3 when it does not.',
  options: { json: JSON_OUT, home: HOME },
  examples: [['agentbox status --json', 'for scripts']],
  run: runStatus,
};

interface BoxState {
  readonly pid: number;
  readonly tracking: string;
  readonly running: number;
  readonly ended: number;
}

async function boxState(home: string): Promise<BoxState | null> {
  try {
    const box = await connectBox({ home, reconnectMs: 0 });
    try {
      const [facts, sessions] = await Promise.all([box.facts(), box.list(null)]);
      const running = sessions.filter((session) => session.state.kind === 'running').length;
      return { pid: facts.pid, tracking: facts.tracking, running, ended: sessions.length - running };
    } finally {
      await box.close();
    }
  } catch {
    return null;
  }
}

async function runStatus(args: Parsed, io: Io): Promise<number> {
  const paths = pathsOf(args, io);
  const server = readServerState(paths.state) ?? null;
  const box = await boxState(paths.home);
  if (args.flag('json')) io.stdout.write(`${JSON.stringify({ home: paths.home, server, box })}\n`);
  else {
    const screen = screenOn(io.stdout, io.env);
    const { paint } = screen;
    const dot = (isUp: boolean): string => (isUp ? paint('good', '●') : paint('quiet', '○'));
    screen.pairs([
      ['Home', paths.home],
      [
        'Server',
        server === null
          ? `${dot(false)} not running`
          : `${dot(true)} ${paint('link', server.url)}  ${paint('quiet', `process ${server.pid}, up ${ago(server.started_at)}`)}`,
      ],
      [
        'Box',
        box === null
          ? `${dot(false)} not running`
          : `${dot(true)} ${box.running} running, ${box.ended} ended  ${paint('quiet', `process ${box.pid}, ${box.tracking}`)}`,
      ],
    ]);
  }
  return server === null ? EXIT.notRunning : EXIT.done;
}
