/** The project's own files, as git sees them: tracked, and new ones that are not ignored. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../process.ts';

export interface SourceFile {
  /** relative to the root, with `/` */
  readonly path: string;
  readonly text: string;
}

export async function listFiles(root: string): Promise<readonly string[]> {
  // The checkout may belong to another user: the suites also run as an ordinary one.
  const git = ['git', '-c', 'safe.directory=*'];
  const { code, output } = await runProgram([...git, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  if (code !== 0) throw new TypeError(`git ls-files failed in ${root}:\n${output}`);
  return output.split('\0').filter((path) => path !== '');
}

/** Files that a listing names but that are deleted in the work tree are left out. */
export async function readSources(root: string, wanted: RegExp): Promise<readonly SourceFile[]> {
  const paths = (await listFiles(root)).filter((path) => wanted.test(path));
  const files = await Promise.all(
    paths.map(async (path) => {
      const text = await readFile(join(root, path), 'utf8').catch(() => null);
      return text === null ? null : { path, text };
    }),
  );
  return files.filter((file) => file !== null);
}
