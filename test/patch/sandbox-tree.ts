/** A folder of files for one patch: built from data, patched by the real code, read back as data. */
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { PatchReply, PatchRequest } from '@agentbox/protocol';
import { applyPatch, PathLocks } from '../../packages/boxd/src/files/index.ts';

/** Contents are Latin-1 strings of bytes; `-> x` is a link; a pair is a mode and a content. */
export type Tree = Readonly<Record<string, string | readonly [string, string]>>;

export interface Place {
  readonly dir: string;
  patch(
    text: string,
    options?: Partial<PatchRequest['options']> & { readonly workspace?: string },
  ): Promise<PatchReply>;
  update(path: string, ...lines: readonly string[]): Promise<PatchReply>;
  tree(): Promise<Tree>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const wrap = (...lines: readonly string[]): string =>
  ['*** Begin Patch', ...lines, '*** End Patch', ''].join('\n');

async function plant(dir: string, input: Tree): Promise<void> {
  for (const [name, value] of Object.entries(input)) {
    const path = join(dir, name);
    await mkdir(dirname(path), { recursive: true });
    const content = typeof value === 'string' ? value : value[1];
    if (content.startsWith('-> ')) await symlink(content.slice(3), path);
    else await writeFile(path, Buffer.from(content, 'latin1'));
    if (typeof value !== 'string') await chmod(path, Number(value[0]));
  }
}

export async function readTree(dir: string, prefix = ''): Promise<Tree> {
  const found: Record<string, string | readonly [string, string]> = {};
  for (const name of (await readdir(dir)).toSorted()) {
    const path = join(dir, name);
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) found[prefix + name] = `-> ${await readlink(path)}`;
    else if (stats.isDirectory()) Object.assign(found, await readTree(path, `${prefix}${name}/`));
    else {
      const content = (await readFile(path)).toString('latin1');
      found[prefix + name] = (stats.mode & 0o111) === 0 ? content : [`0o${(stats.mode & 0o7777).toString(8)}`, content];
    }
  }
  return found;
}

export async function placeAt(dir: string, input: Tree = {}): Promise<Place> {
  const locks = new PathLocks();
  await plant(dir, input);
  const patch: Place['patch'] = async (text, asked = {}) => {
    const { workspace = null, ...options } = asked;
    const settled = { atomic: true, strict: false, clobber: true, ...options };
    return applyPatch({ patch: text, cwd: dir, workspace, profile: null, options: settled }, locks);
  };
  return {
    dir,
    patch,
    update: (path, ...lines) => patch(wrap(`*** Update File: ${path}`, ...lines)),
    tree: () => readTree(dir),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

export async function place(input: Tree = {}): Promise<Place> {
  return placeAt(await mkdtemp(join(tmpdir(), 'agentbox-patch-test-')), input);
}
