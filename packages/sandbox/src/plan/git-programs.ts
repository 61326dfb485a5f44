/**
 * What git would run for whoever uses it in a directory outside: settings that name programs, and hooks, of every
 * repository that is found. A look within a bound, for people; nothing is decided by it.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { findRepositories, type Repository } from './find-repositories.ts';
import { configEntries, includesOf, programsOf, textOf } from './git-config.ts';

export interface GitProgram {
  /** the configuration or the hook */
  readonly file: string;
  /** the setting, or `hook` */
  readonly key: string;
  /** nobody asks for it: git takes the directory for a repository by what lies in it */
  readonly bare: boolean;
}

export interface GitPrograms {
  readonly found: readonly GitProgram[];
  readonly repositories: number;
  /** false: the bound was met before everything was looked at */
  readonly complete: boolean;
}

const BOUNDS = { folders: 20_000, ms: 1500, repositories: 500 } as const;

/** `root`'s own repository is left out: its settings stand, whoever made them. */
export function gitProgramsBelow(root: string): GitPrograms {
  const { repositories, complete } = findRepositories(root, BOUNDS);
  const others = repositories.filter(({ worktree }) => worktree !== root);
  return { found: others.flatMap(programsIn), repositories: others.length, complete };
}

function programsIn({ at, worktree }: Repository): readonly GitProgram[] {
  const bare = worktree === null;
  const settings = ['config', 'config.worktree'].flatMap((name) => settingsIn(path.join(at, name), 0));
  const hooks = hooksIn(path.join(at, 'hooks')).map((file) => ({ file, key: 'hook' }));
  return [...settings, ...hooks].map((one) => ({ ...one, bare }));
}

const DEEPEST_INCLUDE = 3;

function settingsIn(file: string, depth: number): readonly { readonly file: string; readonly key: string }[] {
  const entries = configEntries(textOf(file));
  const included = includesOf(entries).map((named) => path.resolve(path.dirname(file), named));
  return [
    ...programsOf(entries).map(({ key }) => ({ file, key })),
    ...(depth < DEEPEST_INCLUDE ? included.flatMap((one) => settingsIn(one, depth + 1)) : []),
  ];
}

/** Examples come with git and are not run. */
function hooksIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.endsWith('.sample'))
      .map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}
