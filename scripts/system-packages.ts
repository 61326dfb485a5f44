/**
 * Debian packages that a task is better with: taken by apt-get where this user may, else named in one line to type. Each
 * is asked for once, the network is waited for only so long, and no task fails for want of one: what needs it then says
 * so itself, or skips with its reason.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runProgram } from './process.ts';

export interface SystemPackage {
  readonly name: string;
  /** a program of it, or an absolute path that it brings */
  readonly brings: string;
}

const BUBBLEWRAP: SystemPackage = { name: 'bubblewrap', brings: 'bwrap' };

/** The sandbox that commands run in. */
export const FOR_START: readonly SystemPackage[] = [BUBBLEWRAP];

/** What compares the warden with its sources and the rules with Starlark's own implementation, and networks for attacks. */
export const FOR_TESTS: readonly SystemPackage[] = [
  BUBBLEWRAP,
  { name: 'musl-tools', brings: 'musl-gcc' },
  { name: 'linux-libc-dev', brings: '/usr/include/linux/seccomp.h' },
  { name: 'golang-go', brings: 'go' },
  { name: 'golang-starlark-dev', brings: '/usr/share/gocode/src/go.starlark.net' },
  { name: 'iproute2', brings: 'ip' },
];

export interface Bringing {
  readonly env: NodeJS.ProcessEnv;
  readonly asRoot: boolean;
  /** remembers what was asked for; beside what npm installed, and gone with it */
  readonly stamp: string;
  readonly say: (line: string) => void;
}

const UPDATE_S = 60;
const DOWNLOAD_S = 240;
/** Unpacking is local, and a half of it would be worse than none. */
const INSTALL_S = 600;

export async function bringPackages(wanted: readonly SystemPackage[], bringing: Bringing): Promise<void> {
  const { env, asRoot, stamp, say } = bringing;
  const before = readStamp(stamp);
  const names = wanted.flatMap((one) => (isThere(one, env) || before.has(one.name) ? [] : [one.name]));
  if (names.length === 0) return;
  writeStamp(stamp, [...before, ...names]);
  const list = names.join(' ');
  if (!asRoot || findProgram('apt-get', env) === null) {
    say(`agentbox: it is better with these packages: sudo apt-get install -y --no-install-recommends ${list}`);
    return;
  }
  say(`agentbox: installing with apt-get: ${list}`);
  const isDone =
    (await install(names, env)) || ((await aptGet(['update'], UPDATE_S, env)) && (await install(names, env)));
  if (!isDone)
    say(`agentbox: apt-get could not install them; later: apt-get install -y --no-install-recommends ${list}`);
}

const CHOSEN = ['install', '-y', '--no-install-recommends'];

async function install(names: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  if (!(await aptGet([...CHOSEN, '--download-only', ...names], DOWNLOAD_S, env))) return false;
  return aptGet([...CHOSEN, '--no-download', ...names], INSTALL_S, env);
}

const OPTIONS = ['-qq', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=15', '-o', 'DPkg::Lock::Timeout=30'];

async function aptGet(args: readonly string[], seconds: number, env: NodeJS.ProcessEnv): Promise<boolean> {
  const argv = ['timeout', '-k', '5', String(seconds), 'apt-get', ...OPTIONS, ...args];
  const finished = await runProgram(argv, { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } }).catch(() => null);
  return finished?.code === 0;
}

function isThere({ brings }: SystemPackage, env: NodeJS.ProcessEnv): boolean {
  return brings.startsWith('/') ? existsSync(brings) : findProgram(brings, env) !== null;
}

function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

function readStamp(stamp: string): ReadonlySet<string> {
  return new Set(existsSync(stamp) ? readFileSync(stamp, 'utf8').split('\n').filter(Boolean) : []);
}

function writeStamp(stamp: string, names: readonly string[]): void {
  try {
    writeFileSync(stamp, `${names.join('\n')}\n`);
  } catch {
    // Somebody else's checkout: this user is told again next time.
  }
}

export const hereAndNow = (root: string): Bringing => ({
  env: process.env,
  asRoot: process.getuid?.() === 0,
  stamp: join(root, 'node_modules', '.agentbox-packages'),
  say: (line) => void process.stderr.write(`${line}\n`),
});
