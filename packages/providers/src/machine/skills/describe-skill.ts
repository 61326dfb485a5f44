/**
 * What a SKILL.md says about its skill: name, title, description, tags. Decides by rules and nothing else; a skill that
 * breaks one is a problem in words.
 */
import { basename } from 'node:path';
import { type FrontMatter, readYaml } from './front-matter.ts';
import { plainLine } from './skill-text.ts';

export interface SkillDescription {
  readonly kind: 'described';
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** whether a model may find it by itself; a hidden skill can still be loaded by name */
  readonly listed: boolean;
}

export const MAX_NAME_CHARS = 64;
const MAX_DESCRIPTION_CHARS = 1024;
const MAX_TITLE_CHARS = 100;
const MAX_TAGS = 16;
const MAX_TAG_CHARS = 40;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._ -]*$/;

/** `openaiYaml` is the text of agents/openai.yaml, where there is one. */
export function describeSkill(
  folder: string,
  { fields, body }: FrontMatter,
  openaiYaml: string | null,
): SkillDescription | { readonly kind: 'invalid'; readonly problem: string } {
  const name = scalar(fields['name']) ?? basename(folder);
  const refused = nameProblem(name);
  if (refused !== null) return { kind: 'invalid', problem: refused };
  const description = plainLine(scalar(fields['description']) ?? '', MAX_DESCRIPTION_CHARS);
  if (description === '') return { kind: 'invalid', problem: 'the front matter has no description' };
  const host = hostSettings(openaiYaml);
  const title = scalar(fields['title']) ?? host.displayName ?? /^# +(.+)$/m.exec(body.slice(0, 4096))?.[1] ?? name;
  return {
    kind: 'described',
    name,
    title: plainLine(title, MAX_TITLE_CHARS) || name,
    description,
    tags: tagsOf(fields),
    listed: host.listed,
  };
}

function nameProblem(name: string): string | null {
  if (name.length > MAX_NAME_CHARS)
    return `the name has ${name.length} characters; at most ${MAX_NAME_CHARS} are allowed`;
  if (NAME.test(name)) return null;
  return `the name "${plainLine(name, MAX_NAME_CHARS)}" may have letters, digits, hyphens, dots, underscores and blanks`;
}

/** YAML reads `name: 42` as a number; people mean the text. */
function scalar(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return undefined;
  return value.trim() === '' ? undefined : value.trim();
}

function tagsOf(fields: Readonly<Record<string, unknown>>): readonly string[] {
  const value = fields['tags'] ?? member(fields['metadata'], 'tags');
  const tags = Array.isArray(value) ? value.map(scalar) : (scalar(value)?.split(',') ?? []);
  const plain = tags.map((tag) => plainLine(tag ?? '', MAX_TAG_CHARS)).filter((tag) => tag !== '');
  return [...new Set(plain)].slice(0, MAX_TAGS);
}

function hostSettings(openaiYaml: string | null): {
  readonly listed: boolean;
  readonly displayName: string | undefined;
} {
  const read = openaiYaml === null ? undefined : readYaml(openaiYaml);
  if (read?.kind !== 'record') return { listed: true, displayName: undefined };
  return {
    listed: member(read.fields['policy'], 'allow_implicit_invocation') !== false,
    displayName: scalar(member(read.fields['interface'], 'display_name')),
  };
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
