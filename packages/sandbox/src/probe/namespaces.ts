/** Tries bubblewrap with the namespaces of a real launch, as the present user, and says why it does not work. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { bubblewrapArguments, isAtLeast, OLDEST_BUBBLEWRAP } from '../plan/bubblewrap.ts';
import type { BubblewrapFacts } from '../plan/facts.ts';
import { readLine } from './kernel.ts';

export interface Missing {
  readonly what: string;
  /** a command or setting, as it is typed */
  readonly fix: string;
}

export type Namespaces = { readonly bubblewrap: BubblewrapFacts } | { readonly missing: Missing };

const INSTALL = 'apt-get install bubblewrap (or: dnf install bubblewrap, apk add bubblewrap, pacman -S bubblewrap)';

export async function tryNamespaces(searchPath: string, limitMs: number): Promise<Namespaces> {
  const program = findProgram('bwrap', searchPath);
  if (program === null) return { missing: { what: 'bubblewrap (bwrap) is not installed', fix: INSTALL } };
  const told = await run(program, ['--version'], limitMs);
  const version = parseVersion(told.output);
  if (version === null || !isAtLeast(version, OLDEST_BUBBLEWRAP)) {
    const what = `${program} is no bubblewrap ${OLDEST_BUBBLEWRAP.join('.')} or newer (${firstLine(told.output)})`;
    return { missing: { what, fix: INSTALL } };
  }
  const bubblewrap = { program, version };
  const tried = await run(program, trialArguments(bubblewrap), limitMs);
  if (tried.kind === 'ended' && tried.code === 0) return { bubblewrap };
  return { missing: explain(tried) };
}

/** bubblewrap is the one program that is surely there. */
function trialArguments(bubblewrap: BubblewrapFacts): readonly string[] {
  const mounts = [
    { kind: 'read', path: '/', source: '/' },
    { kind: 'proc', path: '/proc' },
    { kind: 'dev', path: '/dev' },
  ] as const;
  const options = { bubblewrap, mounts, cwd: '/', root: process.getuid?.() === 0, sharedMemoryBytes: 4096 };
  return [...bubblewrapArguments(options), '--', bubblewrap.program, '--version'];
}

function explain(tried: Ran): Missing {
  const said = tried.kind === 'late' ? 'no answer in time' : firstLine(tried.output);
  const what = `user namespaces do not work for this user (bwrap: ${said})`;
  if (readLine('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1' && process.getuid?.() !== 0) {
    return {
      what,
      fix: `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give bwrap a profile: ${PROFILE}`,
    };
  }
  if (readLine('/proc/sys/kernel/unprivileged_userns_clone') === '0') {
    return { what, fix: 'sysctl -w kernel.unprivileged_userns_clone=1' };
  }
  if (readLine('/proc/sys/user/max_user_namespaces') === '0') {
    return { what, fix: 'sysctl -w user.max_user_namespaces=15000' };
  }
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) {
    const flags = ['seccomp=unconfined', 'apparmor=unconfined', 'systempaths=unconfined'];
    return { what, fix: `start the container with ${flags.map((flag) => `--security-opt ${flag}`).join(' ')}` };
  }
  return {
    what,
    fix: 'a kernel with user, pid, network and mount namespaces (CONFIG_USER_NS=y) and no policy against them',
  };
}

const PROFILE =
  "printf 'abi <abi/4.0>,\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }\\n' > /etc/apparmor.d/bwrap" +
  ' && apparmor_parser -r /etc/apparmor.d/bwrap';

type Ran =
  | { readonly kind: 'ended'; readonly code: number; readonly output: string }
  | { readonly kind: 'late'; readonly output: string };

function run(program: string, args: readonly string[], timeout: number): Promise<Ran> {
  const options = { timeout, killSignal: 'SIGKILL', env: {}, maxBuffer: 64 * 1024, cwd: '/' } as const;
  return new Promise((resolve) => {
    execFile(program, [...args], options, (fault, stdout, stderr) => {
      const output = `${stderr}${stdout}`;
      if (fault?.killed === true) resolve({ kind: 'late', output });
      else resolve({ kind: 'ended', code: fault === null ? 0 : 1, output });
    });
  });
}

function parseVersion(output: string): readonly [number, number, number] | null {
  const found = /bubblewrap (\d+)\.(\d+)(?:\.(\d+))?/.exec(output);
  return found === null ? null : [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
}

const firstLine = (text: string): string => text.split('\n')[0]?.replace(/^bwrap: /, '') ?? '';

function findProgram(name: string, searchPath: string): string | null {
  for (const folder of [...searchPath.split(':'), '/usr/bin', '/bin', '/usr/local/bin']) {
    const at = path.join(folder, name);
    if (!path.isAbsolute(folder)) continue;
    try {
      accessSync(at, constants.X_OK);
      return at;
    } catch {
      // Not here.
    }
  }
  return null;
}
