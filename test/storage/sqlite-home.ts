/** A temporary folder for one database, and the child programs that use it. Everything ends with its scope. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface SqliteHome extends Disposable {
  readonly folder: string;
  readonly path: string;
}

export function sqliteHome(): SqliteHome {
  const root = mkdtempSync(join(tmpdir(), 'agentbox-storage-'));
  const folder = join(root, 'home');
  return {
    folder,
    path: join(folder, 'agentbox.db'),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

export interface Program extends AsyncDisposable {
  readonly process: ChildProcessWithoutNullStreams;
  /** the next line of its output; rejects when there is none */
  line(): Promise<string>;
  readonly stderr: () => string;
}

/** `softLimit` is the largest file it may write, in blocks of 1,024 bytes. */
export function startProgram(
  name: string,
  args: readonly string[],
  softLimit?: number,
  onLine?: (line: string) => void,
): Program {
  const file = fileURLToPath(new URL(`../fixtures/storage/${name}.ts`, import.meta.url));
  const child =
    softLimit === undefined
      ? spawn(process.execPath, [file, ...args])
      : spawn('sh', ['-c', `ulimit -Sf ${softLimit}; exec "$0" "$@"`, process.execPath, file, ...args]);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const reader = createInterface({ input: child.stdout });
  if (onLine !== undefined) reader.on('line', onLine);
  const lines = onLine === undefined ? reader[Symbol.asyncIterator]() : null;
  return {
    process: child,
    stderr: () => stderr,
    line: async () => {
      const next = await lines?.next();
      if (next === undefined || next.done === true) throw new Error(`${name} ended: ${stderr}`);
      return next.value;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Files of this process that lie under a folder of `sqliteHome`: none are left when its stores are closed. */
export function openFilesOfStorage(): readonly string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((target) => target.includes('agentbox-storage-'));
}
