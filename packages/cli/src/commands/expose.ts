/**
 * `agentbox expose`: a public https address for this machine, through a program of the user's own. Checks everything
 * first, shows the command, and runs it only with --run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { AgentboxError } from '@agentbox/protocol';
import { z } from 'zod';
import { type Command, HOME, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf, runningServer } from '../place.ts';
import { type Screen, screenOn } from '../terminal/screen.ts';

export const expose: Command = {
  name: 'expose',
  summary: 'Give this machine a public https address.',
  synopsis: 'tailscale|cloudflare [--run] [--home DIR]',
  about:
    'Everyone on the internet can then knock; only who holds a token comes in.\n' +
    'Set server.public_url to the address, so that agentbox accepts it: the steps say how.',
  options: { run: { type: 'boolean', help: 'run the command, not only show it' }, home: HOME },
  examples: [
    ['agentbox expose tailscale', 'check, and show the command'],
    ['agentbox expose cloudflare --run', 'open a quick tunnel, until Ctrl-C'],
  ],
  run: runExpose,
};

interface Tunnel {
  readonly program: string;
  readonly args: readonly string[];
  /** the address, when it is known beforehand */
  readonly url: string | null;
  readonly stop: string;
}

async function runExpose(args: Parsed, io: Io): Promise<number> {
  const [name, ...rest] = args.positionals;
  if (rest.length > 0 || (name !== 'tailscale' && name !== 'cloudflare')) {
    throw new UsageError('name one: tailscale or cloudflare');
  }
  const server = runningServer(pathsOf(args, io));
  const screen = screenOn(io.stdout, io.env);
  await checkAnswers(server.url);
  screen.line(`  ${screen.paint('good', 'ok')}     agentbox answers at ${new URL('/healthz', server.url).href}`);
  const local = new URL(server.url).host;
  const tunnel = name === 'tailscale' ? tailscale(local, screen) : cloudflare(local, screen);
  screen.line();
  screen.line(screen.paint('link', [tunnel.program, ...tunnel.args].join(' ')));
  screen.line();
  sayNext(tunnel, screen);
  return args.flag('run') ? run(tunnel) : EXIT.done;
}

async function checkAnswers(url: string): Promise<void> {
  const health = new URL('/healthz', url);
  const answer = await fetch(health, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  if (answer?.ok !== true) throw new AgentboxError('NOT_RUNNING', `agentbox does not answer at ${health.href}`);
}

function installed(program: string, where: string): void {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).error !== undefined) {
    throw new AgentboxError('MISSING_FEATURE', `${program} is not installed: see ${where}`, { program });
  }
}

const tailscaleStatus = z.object({
  BackendState: z.string(),
  Self: z.object({ DNSName: z.string() }).optional(),
});

/** Funnel serves the ports 443, 8443 and 10000 only. */
function tailscale(local: string, screen: Screen): Tunnel {
  installed('tailscale', 'https://tailscale.com/download');
  const answer = spawnSync('tailscale', ['status', '--json'], { encoding: 'utf8', timeout: 10_000 });
  const status = tailscaleStatus.safeParse(parseJson(answer.stdout));
  if (!status.success || status.data.BackendState !== 'Running') {
    throw new AgentboxError('MISSING_FEATURE', 'tailscale is not logged in: run `sudo tailscale up`', {});
  }
  const host = status.data.Self?.DNSName.replace(/\.$/, '') ?? '';
  screen.line(`  ${screen.paint('good', 'ok')}     tailscale is logged in as ${host}`);
  return {
    program: 'tailscale',
    args: ['funnel', '--bg', '--https=443', '--yes', local],
    url: host === '' ? null : `https://${host}`,
    stop: 'tailscale funnel reset',
  };
}

function cloudflare(local: string, screen: Screen): Tunnel {
  installed('cloudflared', 'https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/downloads/');
  screen.line(`  ${screen.paint('good', 'ok')}     cloudflared is installed`);
  return { program: 'cloudflared', args: ['tunnel', '--url', `http://${local}`], url: null, stop: 'Ctrl-C' };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sayNext(tunnel: Tunnel, screen: Screen): void {
  const url = tunnel.url ?? 'https://THE-ADDRESS-IT-PRINTS';
  screen.line('  Then let agentbox accept the address, in config.toml of its home, and start it anew:');
  screen.line();
  screen.line(screen.paint('link', `[server]\npublic_url = "${url}"`));
  screen.line();
  screen.line(screen.paint('quiet', `  Stop it with: ${tunnel.stop}`));
}

function run(tunnel: Tunnel): Promise<number> {
  const child = spawn(tunnel.program, tunnel.args, { stdio: 'inherit' });
  // Ctrl-C reaches the child as well, because it shares the terminal: this process only waits for it.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGINT', ignore);
      resolve(code ?? EXIT.failed);
    });
  });
}
