/** All roots to one table: the skills by their names in this library, the hidden ones beside, and every problem. */
import type { Skill } from '@agentbox/control-plane';
import { MAX_NAME_CHARS } from './describe-skill.ts';
import { discoverSkills, type Problem } from './discover-skills.ts';
import { type ReadSkill, readSkill } from './read-skill.ts';
import type { SkillFiles } from './skill-files.ts';
import type { DigestCache } from './skill-manifest.ts';
import type { SkillRoot } from './skill-roots.ts';

export interface SkillTable {
  readonly listed: readonly Skill[];
  /** listed and hidden */
  readonly all: readonly Skill[];
  readonly problems: readonly Problem[];
  /** folders whose change can change the table, the most telling first */
  readonly watched: readonly string[];
  readonly missingRoots: readonly string[];
}

const MAX_PROBLEMS = 200;

export async function scanSkills(
  files: SkillFiles,
  roots: readonly SkillRoot[],
  digests: DigestCache,
): Promise<SkillTable> {
  const discovery = await discoverSkills(files, roots);
  const naming = new Naming();
  const problems = [...discovery.problems];
  const all: Skill[] = [];
  const listed: Skill[] = [];
  const inner: string[] = [];
  for (const folder of discovery.folders) {
    const read: ReadSkill = await readSkill(files, folder, digests);
    problems.push(...read.problems);
    inner.push(...read.folders);
    if (read.skill === null) continue;
    const name = naming.take(read.skill.name, folder.root.label);
    if (name !== read.skill.name) problems.push(duplicate(read.skill, name));
    const skill = { ...read.skill, name };
    all.push(skill);
    if (read.listed) listed.push(skill);
  }
  const { missingRoots } = discovery;
  return { listed, all, problems: bounded(problems), watched: [...discovery.visited, ...inner], missingRoots };
}

/** The first skill of a name keeps it; each later one is told apart by its root, then by a number. */
class Naming {
  readonly #taken = new Set<string>();

  take(name: string, label: string): string {
    let free = name;
    for (let number = 1; this.#taken.has(free.toLowerCase()); number += 1) {
      const suffix = number === 1 ? `-${label}` : `-${label}-${number}`;
      free = name.slice(0, MAX_NAME_CHARS - suffix.length) + suffix;
    }
    this.#taken.add(free.toLowerCase());
    return free;
  }
}

function duplicate(skill: Skill, name: string): Problem {
  return {
    path: skill.instructionFile,
    problem: `another skill is named ${skill.name}; this one is listed as ${name}`,
  };
}

function bounded(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  const more = problems.length - MAX_PROBLEMS;
  return [...problems.slice(0, MAX_PROBLEMS), { path: '', problem: `${more} more problems are not shown` }];
}
