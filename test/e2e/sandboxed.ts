/** A home with a workspace beside it, for tests that run the product in its sandbox. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { probeMachine } from '@agentbox/sandbox';
import { Home, type Ran, ROOT, type Up } from '../cli/product.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const probe = await probeMachine({ allowLandlockOnly: false });
const { workspace: readiness } = probe.profiles;

/** Why the sandbox cannot be driven here, or false. */
export const NO_SANDBOX: string | false =
  readiness.kind === 'ready' ? false : readiness.missing.map(({ what }) => what).join('; ');
/** Memory and processes of a command are bounded together; else each process for itself. */
export const BOUNDS_TOGETHER = probe.groupLimits;
/** Without a control group nothing bounds the processes of root. */
export const BOUNDS_PROCESSES = probe.groupLimits || process.getuid?.() !== 0;

/** `root/home`, `root/work`, and no rules but those that a test writes. */
export class SandboxedHome implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'agentbox-sandboxed-'));
  readonly #home = new Home(this.root, 'home');

  constructor() {
    for (const name of ['home', 'work', 'codex']) mkdirSync(this.at(name), { mode: 0o700 });
  }

  at(...names: readonly string[]): string {
    return join(this.root, ...names);
  }

  /** With `ROOT` in the text standing for the root. */
  write(name: string, text: string): void {
    mkdirSync(join(this.at(name), '..'), { recursive: true, mode: 0o700 });
    writeFileSync(this.at(name), text.replaceAll('ROOT', this.root), { mode: 0o600 });
  }

  environment(more: Environment = {}): Environment {
    return {
      AGENTBOX_BOX_PROFILE: 'workspace',
      AGENTBOX_BOX_WORKSPACE: this.at('work'),
      CODEX_HOME: this.at('codex'),
      ...more,
    };
  }

  up(env: Environment = {}, ...args: readonly string[]): Promise<Up> {
    return this.#home.up({ env: this.environment(env), args: ['--port', '0', ...args] });
  }

  run(args: readonly string[], env: Environment = {}): Promise<Ran> {
    return this.#home.run(args, { env: this.environment(env) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#home[Symbol.asyncDispose]();
  }
}

const AS_ROOT = process.getuid?.() === 0;

/** `bwrap` is there, answers, and may make no namespace. */
export function blockedPath(home: SandboxedHome): string {
  const program =
    '#!/bin/sh\n[ "$1" = --version ] && exec echo bubblewrap 0.8.0\necho "bwrap: No permissions" >&2\nexit 1\n';
  home.write('bin/bwrap', program);
  chmodSync(home.at('bin', 'bwrap'), 0o755);
  return `${home.at('bin')}:${process.env['PATH'] ?? ''}`;
}

const WARDEN = join(ROOT, 'packages', 'exec-guard', 'vendor', `linux-${process.arch}`, 'warden');
const withMounts = (script: string) =>
  ['unshare', AS_ROOT ? '-m' : '-Urm', 'sh', '-c', `${script}; exec "$@"`, 'sh'] as const;

/** Ways to a machine that lacks something; each runs its arguments there. */
export const WITHOUT = {
  bubblewrap: withMounts(
    'for at in /usr/bin /usr/local/bin; do [ ! -e $at/bwrap ] || mount --bind /dev/null $at/bwrap || exit; done',
  ),
  warden: withMounts(`mount --bind /bin/true '${WARDEN}' || exit`),
  namespaces: ['unshare', '-Ur', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', 'sh'],
} as const;

export function lackOf(way: readonly string[]): string | false {
  const [program = '', ...args] = way;
  return (
    spawnSync(program, [...args, 'true']).status !== 0 && 'such a machine needs a namespace of its own to be made here'
  );
}
