/** list_skills and load_skill as tools: what the skill library answers, held to what clients show inline. */
import type { ToolOutcome } from '@agentbox/control-plane';
import type { ListSkillsInput, ListSkillsOutput, LoadSkillInput, LoadSkillOutput } from '@agentbox/protocol';
import type { Turn } from './machine.ts';
import { done, oneLine } from './outcome.ts';
import * as library from './skills/index.ts';

const MAX_CONTENT_CHARS = 36_000;
const MAX_FILES = 100;
const MAX_PROBLEMS = 20;
const MAX_PROBLEM_CHARS = 300;
/** all descriptions of one answer together: longer ones are cut to one length */
const DESCRIPTIONS_CHARS = 24_000;
const MIN_DESCRIPTION_CHARS = 80;

export function listSkills({ machine }: Turn, input: ListSkillsInput): ToolOutcome {
  const page = library.listSkills(machine.skills, {
    query: input.query ?? '',
    includePaths: input.include_paths ?? true,
    limit: input.max_results ?? library.DEFAULT_PAGE,
    cursor: input.cursor ?? '',
  });
  const room = Math.max(MIN_DESCRIPTION_CHARS, Math.floor(DESCRIPTIONS_CHARS / Math.max(1, page.skills.length)));
  const structured: ListSkillsOutput = {
    skill_roots: [...page.skill_roots],
    skills: page.skills.map((skill) => ({
      ...skill,
      tags: [...skill.tags],
      description: oneLine(skill.description, room),
    })),
    total: page.total,
    ...(page.next_cursor === null ? {} : { next_cursor: page.next_cursor }),
    problems: page.problems.slice(0, MAX_PROBLEMS).map(({ path, problem }) => ({
      path: oneLine(path, MAX_PROBLEM_CHARS),
      problem: oneLine(problem, MAX_PROBLEM_CHARS),
    })),
  };
  return done(listText(structured), structured);
}

function listText({ skills, total, next_cursor, problems }: ListSkillsOutput): string {
  const lines = [
    ...(skills.length === 0 ? ['No skill matches.'] : []),
    ...skills.map(({ name, description }) => `- ${name}: ${description}`),
    ...(next_cursor === undefined ? [] : [`${total} match in all; the next begin with cursor=${next_cursor}`]),
    ...problems.map(({ path, problem }) => `Not a skill: ${path}: ${problem}`),
  ];
  return `${lines.join('\n')}\n`;
}

export async function loadSkill({ machine }: Turn, input: LoadSkillInput): Promise<ToolOutcome> {
  const outcome = await library.loadSkill(machine.skills, {
    skill: input.skill,
    ...(input.file === undefined ? {} : { file: input.file }),
  });
  if (outcome.kind === 'failed') return outcome;
  const { skill } = outcome;
  const content = skill.content.slice(0, MAX_CONTENT_CHARS).toWellFormed();
  const cut = content.length < skill.content.length;
  const structured: LoadSkillOutput = {
    ...skill,
    tags: [...skill.tags],
    content,
    truncated: skill.truncated || cut,
    files: skill.files.slice(0, MAX_FILES).map((file) => ({ ...file })),
    warnings: cut
      ? [`Only the first ${MAX_CONTENT_CHARS} characters are shown; the rest is in the file itself.`]
      : [...skill.warnings],
  };
  return done(`${structured.warnings.map((warning) => `Warning: ${warning}\n`).join('')}${content}`, structured);
}
