/**
 * Looks for repositories below a directory, the shallow ones first, within a bound of folders and of time: what a
 * sandbox must guard like the repository of the workspace itself, and what a look at a workspace tells about.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';

export interface Repository {
  /** the `.git` of a working tree, or the bare repository itself */
  readonly at: string;
  /** null: it has none, and git takes it for a repository by what lies in it */
  readonly worktree: string | null;
}

export interface FoundRepositories {
  readonly repositories: readonly Repository[];
  /** false: the bound was met before everything was looked at */
  readonly complete: boolean;
}

export interface SearchBounds {
  readonly folders: number;
  readonly ms: number;
  readonly repositories: number;
}

/** Packages that were installed are many folders, and nobody works with git in them. */
const PASSED_OVER = new Set(['node_modules', '.git']);
const DEEPEST = 8;

export function findRepositories(root: string, bounds: SearchBounds): FoundRepositories {
  const repositories: Repository[] = [];
  const deadline = performance.now() + bounds.ms;
  let level = [root];
  let looked = 0;
  for (let depth = 0; depth <= DEEPEST && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      looked += 1;
      if (looked > bounds.folders || performance.now() > deadline || repositories.length >= bounds.repositories) {
        return { repositories, complete: false };
      }
      const found = lookInto(folder);
      if (found.repository !== null) repositories.push(found.repository);
      next.push(...found.below);
    }
    level = next;
  }
  return { repositories, complete: level.length === 0 };
}

function lookInto(folder: string): { readonly repository: Repository | null; readonly below: readonly string[] } {
  const entries = entriesOf(folder);
  const names = new Set(entries.map((entry) => entry.name));
  if (['HEAD', 'objects', 'refs'].every((name) => names.has(name))) {
    return { repository: { at: folder, worktree: null }, below: [] };
  }
  const below = entries.flatMap((entry) =>
    entry.isDirectory() && !PASSED_OVER.has(entry.name) ? [path.join(folder, entry.name)] : [],
  );
  const repository = names.has('.git') ? { at: path.join(folder, '.git'), worktree: folder } : null;
  return { repository, below };
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
