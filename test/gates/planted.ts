/** A copy of the checkout in which a violation is planted, to prove that a gate sees it. */
import { cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { listFiles } from '../../scripts/check/files.ts';
import { type Finished, runProgram } from '../../scripts/process.ts';

export interface Planted extends AsyncDisposable {
  readonly root: string;
  /** writes or replaces a file; `edit` gets its present text, empty when it is new */
  plant(path: string, edit: (text: string) => string): Promise<void>;
  /** puts every planted file back as it was */
  restore(): Promise<void>;
  check(step: string): Promise<Finished>;
}

export async function plantedCopy(from: string): Promise<Planted> {
  const root = await mkdtemp(join(tmpdir(), 'agentbox-planted-'));
  for (const path of await listFiles(from)) {
    if ((await lstat(join(from, path)).catch(() => null)) === null) continue;
    await mkdir(dirname(join(root, path)), { recursive: true });
    await cp(join(from, path), join(root, path), { verbatimSymlinks: true });
  }
  await linkPackages(from, root);
  await runProgram(['git', 'init', '-q'], { cwd: root });
  const originals = new Map<string, string | null>();
  return {
    root,
    async plant(path, edit) {
      const present = await readFile(join(root, path), 'utf8').catch(() => null);
      if (!originals.has(path)) originals.set(path, present);
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), edit(present ?? ''));
    },
    async restore() {
      for (const [path, text] of originals) {
        if (text === null) await rm(join(root, path));
        else await writeFile(join(root, path), text);
      }
      originals.clear();
    },
    check: (step) => runProgram([process.execPath, 'scripts/tasks/check.ts', '--only', step], { cwd: root }),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** Foreign packages are linked; the project's own must lead into the copy, as they do in the checkout. */
async function linkPackages(from: string, root: string): Promise<void> {
  await mkdir(join(root, 'node_modules', '@agentbox'), { recursive: true });
  for (const name of await readdir(join(from, 'node_modules'))) {
    if (name === '@agentbox' || name === 'agentbox') continue;
    await symlink(join(from, 'node_modules', name), join(root, 'node_modules', name));
  }
  for (const name of await readdir(join(from, 'node_modules', '@agentbox'))) {
    const room = name === 'boxd-client' ? 'boxd/client' : name;
    await symlink(join(root, 'packages', room), join(root, 'node_modules', '@agentbox', name));
  }
  await symlink(join(root, 'packages', 'cli'), join(root, 'node_modules', 'agentbox'));
}
