/**
 * Walks the roots for folders that hold a SKILL.md (exact case). Hidden folders are passed over apart from `.system`;
 * links to folders are followed, each real folder once; a skill's own folder is not searched for further skills.
 */
import { join } from 'node:path';
import type { FolderEntry, SkillFiles } from './skill-files.ts';
import type { SkillRoot } from './skill-roots.ts';
import { isPlainName, plainLine } from './skill-text.ts';

export interface FoundFolder {
  readonly root: SkillRoot;
  /** as reached from the root, links unresolved */
  readonly directory: string;
  readonly realDirectory: string;
}

export interface Problem {
  readonly path: string;
  readonly problem: string;
}

export interface Discovery {
  readonly folders: readonly FoundFolder[];
  /** every folder that was looked into */
  readonly visited: readonly string[];
  readonly missingRoots: readonly string[];
  readonly problems: readonly Problem[];
}

const MAX_DEPTH = 6;
const MAX_VISITED_FOLDERS = 2000;
const MAX_SKILLS = 500;
export const SKILL_FILE = 'SKILL.md';

export async function discoverSkills(files: SkillFiles, roots: readonly SkillRoot[]): Promise<Discovery> {
  const walk = new Walk(files);
  for (const root of roots) await walk.root(root);
  return walk;
}

/** One walk over all roots: what was seen under one root is not read again under another. */
class Walk implements Discovery {
  readonly folders: FoundFolder[] = [];
  readonly visited: string[] = [];
  readonly missingRoots: string[] = [];
  readonly problems: Problem[] = [];
  readonly #files: SkillFiles;
  readonly #seen = new Set<string>();
  #full = false;

  constructor(files: SkillFiles) {
    this.#files = files;
  }

  async root(root: SkillRoot): Promise<void> {
    const facts = await this.#files.facts(root.path);
    if (facts?.kind === 'folder') await this.#folder(root, root.path, 0);
    else this.missingRoots.push(root.path);
  }

  async #folder(root: SkillRoot, directory: string, depth: number): Promise<void> {
    const realDirectory = await this.#files.realPath(directory);
    if (realDirectory === undefined || this.#seen.has(realDirectory) || this.#isFull(root)) return;
    this.#seen.add(realDirectory);
    this.visited.push(directory);
    const entries = await this.#files.entries(directory);
    if (entries === undefined) {
      this.problems.push({ path: directory, problem: 'the folder cannot be read' });
      return;
    }
    const isSkill = entries.some((entry) => entry.name === SKILL_FILE && entry.kind !== 'folder');
    if (isSkill) this.folders.push({ root, directory, realDirectory });
    if (depth === MAX_DEPTH || (isSkill && depth > 0)) return;
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (!this.#entersName(entry, depth) || !(await this.#isFolder(entry, path))) continue;
      if (isPlainName(entry.name)) await this.#folder(root, path, depth + 1);
      else
        this.problems.push({
          path: plainLine(path, 400),
          problem: 'the name of the folder has characters that mislead',
        });
    }
  }

  #entersName(entry: FolderEntry, depth: number): boolean {
    if (entry.name === 'node_modules') return false;
    return !entry.name.startsWith('.') || (entry.name === '.system' && depth === 0);
  }

  async #isFolder(entry: FolderEntry, path: string): Promise<boolean> {
    if (entry.kind !== 'link') return entry.kind === 'folder';
    return (await this.#files.facts(path))?.kind === 'folder';
  }

  /** Says once that the walk ends before its end. */
  #isFull(root: SkillRoot): boolean {
    if (this.#full) return true;
    this.#full = this.visited.length >= MAX_VISITED_FOLDERS || this.folders.length >= MAX_SKILLS;
    if (!this.#full) return false;
    const problem = `skills beyond ${MAX_SKILLS}, or folders beyond ${MAX_VISITED_FOLDERS}, were not looked at`;
    this.problems.push({ path: root.path, problem });
    return true;
  }
}
