/**
 * The profiles that agentbox brings, and their limits. A profile is settled here once: nothing below fills in a
 * default. Pure; links in the paths are followed by `canonicalProfile`.
 */
import path from 'node:path';
import type { SandboxLimits, SandboxProfile } from '@agentbox/protocol';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

/** Below this compilers and installers of today fail for want of memory. */
const LEAST_MEMORY = 512 * MIB;

/**
 * Half of the machine at most, so that a command that takes all it may leaves the server and its neighbours alive.
 * Processes: `make -j` with a hundred jobs and an install with its workers need less; a fork bomb meets the bound in
 * milliseconds. Files: a common hard limit is 4096, and bundlers that watch a tree need more than 1024.
 */
export function defaultLimits(machineMemoryBytes: number): SandboxLimits {
  return {
    memoryBytes: Math.max(LEAST_MEMORY, Math.min(4 * GIB, Math.floor(machineMemoryBytes / 2))),
    processes: 512,
    openFiles: 4096,
    fileBytes: 512 * MIB,
    cpuSeconds: null,
  };
}

export interface DefaultFacts {
  readonly workspace: string;
  readonly realHome: string;
  /** directories of agentbox itself */
  readonly own: readonly string[];
  /** private directories of whoever asks */
  readonly tmp: string;
  readonly home: string;
  /** of the machine, in `bytes` */
  readonly memoryBytes: number;
}

/** Keys, logins and histories of the user: for a workspace or a readable directory that lies around them. */
const SECRETS = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.codex',
  '.claude',
  '.claude.json',
  '.gemini',
  '.netrc',
  '.npmrc',
  '.pypirc',
  '.pgpass',
  '.my.cnf',
  '.git-credentials',
  '.bash_history',
  '.zsh_history',
  '.python_history',
  '.node_repl_history',
  '.psql_history',
  '.password-store',
  '.mozilla',
  '.thunderbird',
  '.terraform.d',
  '.terraformrc',
  '.vault-token',
  '.cargo/credentials',
  '.cargo/credentials.toml',
  '.config/gh',
  '.config/gcloud',
  '.config/git/credentials',
  '.config/op',
  '.config/rclone',
  '.config/google-chrome',
  '.config/chromium',
  '.local/share/keyrings',
  '.m2/settings.xml',
  '.gradle/gradle.properties',
  '.composer/auth.json',
  '.config/composer/auth.json',
  '.gem/credentials',
  '.subversion/auth',
];

export const secretsOf = (realHome: string): readonly string[] => SECRETS.map((name) => path.join(realHome, name));

export function defaultProfile(name: SandboxProfile['name'], facts: DefaultFacts): SandboxProfile {
  const writes = name === 'workspace';
  return {
    name,
    readable: writes ? [] : [facts.workspace],
    writable: writes ? [facts.workspace] : [],
    hidden: [...facts.own, ...secretsOf(facts.realHome)],
    tmp: facts.tmp,
    home: facts.home,
    network: 'none',
    noExecFromWritable: false,
    limits: defaultLimits(facts.memoryBytes),
  };
}
