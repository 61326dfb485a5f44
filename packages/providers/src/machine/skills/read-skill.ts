/** One folder with a SKILL.md becomes a skill, or a problem that says why not. */
import { join } from 'node:path';
import { unreachable } from '@agentbox/base';
import type { Skill } from '@agentbox/control-plane';
import { describeSkill } from './describe-skill.ts';
import { type FoundFolder, type Problem, SKILL_FILE } from './discover-skills.ts';
import { parseSkillFile } from './front-matter.ts';
import type { ReadResult, SkillFiles } from './skill-files.ts';
import { type DigestCache, readManifest } from './skill-manifest.ts';
import { plainLine, plainRecord } from './skill-text.ts';

/** how much of a skill's instructions goes to a model, in bytes */
export const MAX_BODY_BYTES = 65_536;
/** instructions beyond this crowd out the work itself, in tokens */
export const LONG_BODY_TOKENS = 5000;
const MAX_HOST_SETTINGS_BYTES = 16_384;
const MAX_PROBLEM_CHARS = 300;

export interface ReadSkill {
  readonly skill: Skill | null;
  readonly listed: boolean;
  /** folders inside the skill's own */
  readonly folders: readonly string[];
  readonly problems: readonly Problem[];
}

export async function readSkill(files: SkillFiles, found: FoundFolder, digests: DigestCache): Promise<ReadSkill> {
  const instructionFile = join(found.directory, SKILL_FILE);
  const refused = (problem: string): ReadSkill => ({
    skill: null,
    listed: false,
    folders: [],
    problems: [{ path: instructionFile, problem: plainLine(problem, MAX_PROBLEM_CHARS) }],
  });
  const read = await files.read(instructionFile, found.realDirectory, 2 * MAX_BODY_BYTES);
  if (read.kind !== 'read') return refused(readProblem(read));
  const parsed = parseSkillFile(new TextDecoder('utf-8', { ignoreBOM: true }).decode(read.bytes));
  if (parsed.kind === 'unreadable') return refused(parsed.problem);
  const described = describeSkill(found.directory, parsed, await hostSettings(files, found));
  if (described.kind === 'invalid') return refused(described.problem);
  const manifest = await readManifest(files, found.directory, found.realDirectory, digests);
  const problems = [...parsed.problems, ...sizeProblems(read.size), ...manifest.problems];
  const { name, title, description, tags, listed } = described;
  const frontmatter = { ...plainRecord(parsed.fields), name, description };
  const place = { root: found.root.path, directory: found.directory, instructionFile };
  return {
    skill: { name, title, description, tags, ...place, frontmatter, files: manifest.files },
    listed,
    folders: manifest.folders,
    problems: problems.map((problem) => ({ path: instructionFile, problem: plainLine(problem, MAX_PROBLEM_CHARS) })),
  };
}

/** What a host reads beside the instructions; absent for most skills. */
async function hostSettings(files: SkillFiles, found: FoundFolder): Promise<string | null> {
  const path = join(found.directory, 'agents', 'openai.yaml');
  const read = await files.read(path, found.realDirectory, MAX_HOST_SETTINGS_BYTES);
  return read.kind === 'read' ? new TextDecoder().decode(read.bytes) : null;
}

function sizeProblems(size: number): readonly string[] {
  if (size > MAX_BODY_BYTES) return [`${size} bytes; only the first ${MAX_BODY_BYTES} are loaded at once`];
  if (size > LONG_BODY_TOKENS * 4) return [`about ${Math.ceil(size / 4)} tokens; ${LONG_BODY_TOKENS} are recommended`];
  return [];
}

function readProblem(read: Exclude<ReadResult, { readonly kind: 'read' }>): string {
  switch (read.kind) {
    case 'outside':
      return 'a link that leads out of the folder of the skill is not followed';
    case 'missing':
      return 'a link that leads nowhere';
    case 'not-a-file':
      return 'not a regular file';
    case 'unreadable':
      return `cannot be read (${read.cause})`;
    default:
      return unreachable(read);
  }
}
