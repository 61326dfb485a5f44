/**
 * A sandbox of its own for a test: a workspace, private directories, a real home full of secrets, and bubblewrap
 * started with the plan as a launch would. No guard: what is tested here is what the plan alone holds.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SandboxProfile } from '@agentbox/protocol';
import {
  defaultProfile,
  engineOf,
  type Launch,
  type LaunchFacts,
  type MachineProbe,
  PathObserver,
  Placeholders,
  planLaunch,
  probeMachine,
} from '@agentbox/sandbox';

export const probe: MachineProbe = await probeMachine({ allowLandlockOnly: false });
const engine = engineOf(probe, 'workspace');
export const unavailable: string | false = engine === null ? probe.missing.map((one) => one.what).join('; ') : false;

export const CANARY = 'canary-7f3b9d';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Box extends Disposable {
  readonly base: string;
  readonly workspace: string;
  /** the user's home, with secrets in it */
  readonly realHome: string;
  readonly agentboxHome: string;
  readonly profile: SandboxProfile;
  launch(more?: Partial<SandboxProfile>, cwd?: string, alone?: boolean): Launch;
  /** runs a shell command line inside */
  sh(script: string, more?: RunOptions): Result;
}

interface RunOptions {
  readonly profile?: Partial<SandboxProfile>;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** put before the command, inside */
  readonly prefix?: (launch: Launch & { readonly kind: 'launch' }) => readonly string[];
  /** leave what bubblewrap made in the workspace */
  readonly keepPlaceholders?: boolean;
}

/** What a user has at home and no command may see. */
export const SECRET_FILES = [
  '.ssh/id_ed25519',
  '.aws/credentials',
  '.codex/auth.json',
  '.config/gh/hosts.yml',
  '.netrc',
  '.npmrc',
  '.docker/config.json',
  '.kube/config',
  '.gnupg/private-keys-v1.d/key',
  '.mozilla/firefox/x.default/logins.json',
  '.local/share/keyrings/login.keyring',
  '.config/git/credentials',
  '.git-credentials',
  '.bash_history',
  '.cargo/credentials.toml',
  '.agentbox/token',
  'notes.txt',
];

export const SEARCH_PATH = `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;

/** `folder`: where the user's home, the workspace and all else of this box lie. */
export function openBox(folder = tmpdir()): Box {
  const base = realpathSync(mkdtempSync(path.join(folder, 'agentbox-sandbox-')));
  const at = (name: string): string => path.join(base, name);
  for (const name of ['user/work', 'private/tmp', 'private/home']) mkdirSync(at(name), { recursive: true });
  for (const name of SECRET_FILES) put(path.join(base, 'user', name), CANARY);
  const realHome = at('user');
  const agentboxHome = path.join(realHome, '.agentbox');
  const workspace = at('user/work');
  const own = [agentboxHome];
  const places = { tmp: at('private/tmp'), home: at('private/home') };
  const profile = defaultProfile('workspace', { workspace, realHome, own, ...places, memoryBytes: 8 * 1024 ** 3 });
  const observer = new PathObserver();
  const launch: Box['launch'] = (more = {}, cwd = workspace, alone = false) => {
    const settled = { ...profile, ...more };
    const paths = observer.observe(settled, { cwd, realHome, searchPath: SEARCH_PATH, own, alone });
    const uid = process.getuid?.() ?? 0;
    const used: LaunchFacts['engine'] = alone || engine === null ? { kind: 'landlock' } : engine;
    return planLaunch(settled, { paths, uid, engine: used, environment: {}, groupLimits: true });
  };
  return {
    base,
    workspace,
    realHome,
    agentboxHome,
    profile,
    launch,
    sh: (script, more = {}) => runInside(launch(more.profile, more.cwd), script, more),
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  };
}

export function put(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const TIMEOUT_MS = 120_000;

function runInside(launch: Launch, script: string, options: RunOptions): Result {
  assert.equal(launch.kind, 'launch', launch.kind === 'refuse' ? launch.problem.message : '');
  if (launch.kind !== 'launch' || launch.plan.bubblewrap === null) return { code: -1, stdout: '', stderr: '' };
  const { program, args } = launch.plan.bubblewrap;
  const hold = new Placeholders().hold(launch.placeholders);
  const env = environmentOf(launch.plan.environment, options.environment ?? {});
  const prefix = options.prefix?.(launch) ?? [];
  // A shell is not made for being process 1: it is its child here, as it is the guard's.
  const argv = [...args, '--', ...prefix, 'sh', '-c', 'sh -c "$1"; exit $?', 'sh', script];
  const ran = spawnSync(program, argv, { env, encoding: 'utf8', timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 ** 2 });
  if (options.keepPlaceholders !== true) hold.release();
  return { code: ran.status ?? 128, stdout: ran.stdout, stderr: ran.stderr };
}

export function environmentOf(
  overlay: Readonly<Record<string, string | null>>,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = { PATH: SEARCH_PATH, LANG: 'C.UTF-8', ...more };
  for (const [name, value] of Object.entries(overlay)) {
    if (value === null) delete environment[name];
    else environment[name] = value;
  }
  return environment;
}
