/**
 * What an attack may reach for and must not get: files with secret contents beside the workspace, a process with a
 * secret environment, a shared memory segment. All of it is made for one run and taken away after it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names hold the id of the run, contents the secrets: an error message that repeats a name proves nothing. */
export interface Canaries {
  /** files that an attack must not read, by where they are; each holds `fileSecret` */
  readonly files: Readonly<Record<string, string>>;
  /** folders that an attack must not write to */
  readonly folders: Readonly<Record<string, string>>;
  readonly fileSecret: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly environmentSecret: string;
  readonly memorySecret: string;
  /** System V key of the segment that holds `memorySecret`; null where no program here can make one */
  readonly memoryKey: number | null;
  readonly sharedFile: string;
  /** a process of the host that an attack must not see, read or end */
  process(): { readonly pid: number; readonly secret: string; readonly isAlive: boolean };
  close(): void;
}

export const secret = (): string => randomBytes(12).toString('hex');

/** The canary's name for the process list and the variable that its environment holds. */
export const PROCESS_PREFIX = 'agentbox-canary-process';
export const VARIABLE = 'ATTACK_ME_CANARY_KEY';

export function makeCanaries(base: string, run: string): Canaries {
  const fileSecret = secret();
  const environmentSecret = secret();
  const folders = writableFolders(base, run);
  for (const folder of Object.values(folders)) {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    // Whose it is, should it be found later.
    writeFileSync(join(folder, 'canary.txt'), `${fileSecret}\nof ${base}\n`, { mode: 0o644 });
  }
  const environment = { [VARIABLE]: environmentSecret, AWS_SECRET_ACCESS_KEY: environmentSecret };
  const memorySecret = secret();
  const memory = makeSegment(memorySecret);
  const sharedFile = `/dev/shm/agentbox-attack-${run}`;
  writeFileSync(sharedFile, `${memorySecret}\nof ${base}\n`, { mode: 0o644 });
  const processSecret = secret();
  const child = canaryProcess(base, processSecret, environment);
  return {
    files: Object.fromEntries(Object.entries(folders).map(([where, folder]) => [where, join(folder, 'canary.txt')])),
    folders,
    fileSecret,
    environment,
    environmentSecret,
    memorySecret,
    memoryKey: memory?.key ?? null,
    sharedFile,
    process: () => ({
      pid: child.pid ?? 0,
      secret: processSecret,
      isAlive: child.exitCode === null && child.signalCode === null,
    }),
    close: () => {
      endGroup(child.pid);
      memory?.remove();
      rmSync(sharedFile, { force: true });
      for (const folder of Object.values(folders)) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function writableFolders(base: string, run: string): Readonly<Record<string, string>> {
  return {
    'beside the workspace': join(base, 'beside'),
    'the real home': join(homedirOr(base), `.agentbox-attack-${run}`),
    '/var/tmp': join('/var/tmp', `agentbox-attack-${run}`),
    'the real /tmp': join(tmpdir(), `agentbox-attack-${run}-tmp`),
  };
}

/** A user without a home of its own has its canary beside the workspace. */
function homedirOr(base: string): string {
  const place = join(homedir(), `.agentbox-attack-${secret()}`);
  try {
    mkdirSync(place);
    rmSync(place, { recursive: true });
    return homedir();
  } catch {
    return base;
  }
}

function canaryProcess(cwd: string, name: string, environment: Readonly<Record<string, string>>): ChildProcess {
  return spawn('/bin/sh', ['-c', 'while :; do sleep 1; done', `${PROCESS_PREFIX} ${name}`], {
    cwd,
    env: { PATH: '/usr/bin:/bin', ...environment },
    stdio: 'ignore',
    // Its own group, so that what it waits for ends with it.
    detached: true,
  });
}

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch {
    // An attack has ended all of it.
  }
}

interface Segment {
  readonly key: number;
  remove(): void;
}

/** Perl speaks System V, which Node does not. */
function makeSegment(text: string): Segment | undefined {
  const key = 0x41000000 + (randomBytes(3).readUIntBE(0, 3) & 0xffffff);
  const perl = (script: string): void =>
    void execFileSync('perl', ['-e', script, String(key), text], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    perl('$i=shmget($ARGV[0],4096,0666|01000) // die; shmwrite($i,$ARGV[1],0,length $ARGV[1]) or die');
  } catch {
    return undefined;
  }
  return {
    key,
    remove: () => perl('$i=shmget($ARGV[0],0,0) // exit; shmctl($i,0,0)'),
  };
}
