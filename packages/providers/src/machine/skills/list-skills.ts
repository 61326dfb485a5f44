/** The answer of list_skills: a ranked page of the table, the problems, and where skills are looked for. Pure. */
import type { Skill, SkillLibrary } from '@agentbox/control-plane';
import type { Problem } from './discover-skills.ts';

export interface ListSkillsRequest {
  readonly query?: string;
  readonly limit?: number;
  /** `next_cursor` of the page before; one that is unknown begins anew */
  readonly cursor?: string;
  readonly includePaths?: boolean;
}

interface ListedSkill {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly path?: string;
  readonly instruction_file?: string;
}

export interface SkillPage {
  readonly skill_roots: readonly string[];
  readonly skills: readonly ListedSkill[];
  /** skills that match, on all pages */
  readonly total: number;
  readonly next_cursor: string | null;
  readonly problems: readonly Problem[];
}

export const DEFAULT_PAGE = 100;
const MAX_PAGE = 500;
const MAX_QUERY_CHARS = 400;
const MAX_QUERY_WORDS = 16;

type Listing = Pick<SkillLibrary, 'list' | 'problems'> & { readonly roots: readonly string[] };

export function listSkills(library: Listing, request: ListSkillsRequest = {}): SkillPage {
  const ranked = rankSkills(library.list(), request.query ?? '');
  const limit = Math.min(Math.max(Math.trunc(request.limit ?? DEFAULT_PAGE), 1), MAX_PAGE);
  const start = startOf(ranked, request.cursor ?? '');
  const page = ranked.slice(start, start + limit);
  const last = page.at(-1);
  const more = start + limit < ranked.length && last !== undefined;
  return {
    skill_roots: library.roots,
    skills: page.map((skill) => listed(skill, request.includePaths !== false)),
    total: ranked.length,
    next_cursor: more ? `${start + limit}:${last.name}` : null,
    problems: library.problems(),
  };
}

/** Every word of the query must be found; the name counts most. Without a query, the order of the roots. */
function rankSkills(skills: readonly Skill[], query: string): readonly Skill[] {
  const words = wordsOf(query.slice(0, MAX_QUERY_CHARS)).slice(0, MAX_QUERY_WORDS);
  if (words.length === 0) return skills;
  const scored = skills.map((skill) => ({ skill, score: scoreOf(skill, words) })).filter(({ score }) => score > 0);
  return scored.sort((a, b) => b.score - a.score).map(({ skill }) => skill);
}

/** Zero when a word is found nowhere, unless the words together are the name. */
function scoreOf(skill: Skill, words: readonly string[]): number {
  const name = skill.name.toLowerCase();
  const tags = skill.tags.map((tag) => tag.toLowerCase());
  const title = skill.title.toLowerCase();
  const description = skill.description.toLowerCase();
  const described = new Set(wordsOf(description));
  const scores = words.map((word) => {
    if (name === word) return 100;
    if (wordsOf(name).includes(word)) return 60;
    if (name.includes(word)) return 40;
    if (tags.includes(word)) return 30;
    if (title.includes(word)) return 20;
    if (described.has(word)) return 10;
    return description.includes(word) ? 5 : 0;
  });
  const whole = name === words.join('-') ? 200 : 0;
  return scores.includes(0) ? whole : scores.reduce((sum, score) => sum + score, whole);
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The skill that ended the page before says where to go on, even when others came or went in between. */
function startOf(ranked: readonly Skill[], cursor: string): number {
  const parts = /^(\d{1,9}):(.*)$/s.exec(cursor);
  if (parts === null) return 0;
  const after = ranked.findIndex((skill) => skill.name === parts[2]);
  return after >= 0 ? after + 1 : Math.min(Number(parts[1]), ranked.length);
}

function listed(skill: Skill, withPaths: boolean): ListedSkill {
  const { name, title, description, tags } = skill;
  const shown = { name, title, description, tags };
  return withPaths ? { ...shown, path: skill.directory, instruction_file: skill.instructionFile } : shown;
}
