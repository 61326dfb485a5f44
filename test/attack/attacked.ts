/** Runs `agentbox attack-me` in a network without a route, with a home of its own, and reads what it says. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AGENTBOX, plainEnvironment, type Ran } from '../cli/product.ts';

const tryShape = z.object({ name: z.string(), verdict: z.string(), text: z.string() });
const reportShape = z.object({
  profile: z.string(),
  score: z.object({
    held: z.number(),
    leaked: z.number(),
    reported: z.number(),
    broken: z.number(),
    not_applicable: z.number(),
    of: z.number(),
  }),
  cases: z.array(
    z.object({ id: z.string(), verdict: z.string(), text: z.string(), tries: z.array(tryShape), took_ms: z.number() }),
  ),
});

export function reportOf({ stdout, stderr }: Ran): z.output<typeof reportShape> {
  assert.notEqual(stdout, '', `attack-me could not run: ${stderr}`);
  return reportShape.parse(JSON.parse(stdout));
}

/** An ordinary user is root in a user namespace of its own: only so may it have a network of its own. */
const NAMESPACES = process.getuid?.() === 0 ? ['-n'] : ['-Urn'];
const IN_NETWORK = 'ip link set lo up && exec "$@"';

const probe = spawnSync('unshare', [...NAMESPACES, 'sh', '-c', 'ip link set lo up']);
export const NO_NETWORK: string | false = probe.status === 0 ? false : 'needs a network namespace of its own and ip';

/** A user's home with an install in it, gone at the end of the scope. */
export class AttackHome implements Disposable {
  readonly user = mkdtempSync(join(tmpdir(), 'agentbox-attacked-'));
  readonly home = join(this.user, 'box');

  constructor() {
    mkdirSync(this.home, { mode: 0o700 });
  }

  start(args: readonly string[]): ChildProcess {
    const command = ['sh', '-c', IN_NETWORK, 'sh', AGENTBOX, 'attack-me', '--home', this.home, ...args];
    return spawn('unshare', [...NAMESPACES, ...command], {
      env: { ...plainEnvironment(), HOME: this.user },
      cwd: this.user,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async run(args: readonly string[]): Promise<Ran> {
    const child = this.start(args);
    const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
    const code = await new Promise<number | null>((resolve) => void child.once('exit', resolve));
    return { code, stdout: await stdout, stderr: await stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.user, { recursive: true, force: true });
  }
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const part of stream ?? []) text += part.toString();
  return text;
}

/** What a run of this user has left on this machine; another run may go on beside it. */
export function leftBehind(user: string): readonly string[] {
  const files = [user, '/var/tmp', '/tmp', '/dev/shm'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.includes('agentbox-attack-'))
      .map((name) => join(folder, name)),
  );
  const own = files.filter((path) => path.startsWith(user) || isOf(path, user));
  return [...own, ...processesOf(user)];
}

function isOf(path: string, user: string): boolean {
  try {
    const text = readFileSync(statSync(path).isDirectory() ? join(path, 'canary.txt') : path, 'utf8');
    return text.includes(`of ${user}`);
  } catch {
    return false;
  }
}

/** Keys of the shared memory segments that such a run makes. */
export const segments = (): readonly string[] =>
  readFileSync('/proc/sysvipc/shm', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[0] ?? '')
    .filter((key) => Math.floor(Number(key) / 0x1000000) === 0x41);

/** Everything of a run was started in a folder of it. */
function processesOf(user: string): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const isOurs = command.includes(user) || readlinkSync(`/proc/${pid}/cwd`).startsWith(user);
      return isOurs && command !== '' ? [`${pid}: ${command}`] : [];
    } catch {
      return [];
    }
  });
}
