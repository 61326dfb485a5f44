/** The answer of load_skill: the instructions of a skill, or one of its files, with everything beside it. */
import type { Skill, SkillLibrary } from '@agentbox/control-plane';
import { AgentboxError, type Detail, type ErrorCode } from '@agentbox/protocol';
import { parseSkillFile } from './front-matter.ts';
import { LONG_BODY_TOKENS, MAX_BODY_BYTES } from './read-skill.ts';

export interface LoadSkillRequest {
  /** a name, the path of its folder, or the path of its SKILL.md */
  readonly skill: string;
  /** relative to the folder; the instructions when absent */
  readonly file?: string;
}

export interface LoadedSkill {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly path: string;
  readonly instruction_file: string;
  /** relative to `path`: what `content` is */
  readonly file: string;
  readonly content: string;
  /** whether the file goes on after `content` */
  readonly truncated: boolean;
  readonly files: readonly { readonly path: string; readonly size: number; readonly mime_type: string }[];
  readonly warnings: readonly string[];
}

export type LoadOutcome =
  | { readonly kind: 'loaded'; readonly skill: LoadedSkill }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly detail: Detail };

const INSTRUCTIONS = 'SKILL.md';
/** front matter that may stand before a body of full length, in bytes */
const FRONT_MATTER_BYTES = 32_768;
const MAX_SUGGESTIONS = 5;

export async function loadSkill(library: SkillLibrary, request: LoadSkillRequest): Promise<LoadOutcome> {
  const skill = library.find(request.skill);
  if (skill === undefined) return notFound(library, request.skill);
  const file = request.file === undefined || request.file === '' ? INSTRUCTIONS : request.file;
  const isBody = file === INSTRUCTIONS;
  try {
    const bytes = await library.readFile(skill, file, MAX_BODY_BYTES + (isBody ? FRONT_MATTER_BYTES : 0) + 1);
    return { kind: 'loaded', skill: loaded(skill, file, isBody ? bodyOf(bytes) : bytes) };
  } catch (fault) {
    if (!(fault instanceof AgentboxError)) throw fault;
    return { kind: 'failed', code: fault.code, message: fault.message, detail: fault.detail };
  }
}

function loaded(skill: Skill, file: string, bytes: Uint8Array): LoadedSkill {
  const truncated = bytes.length > MAX_BODY_BYTES;
  const shown = truncated ? bytes.subarray(0, wholeCharacters(bytes, MAX_BODY_BYTES)) : bytes;
  const isText = !shown.includes(0);
  const { name, title, description, tags, directory, instructionFile } = skill;
  return {
    name,
    title,
    description,
    tags,
    path: directory,
    instruction_file: instructionFile,
    file,
    content: isText ? new TextDecoder().decode(shown) : '',
    truncated,
    files: skill.files.map(({ path, size, mimeType }) => ({ path, size, mime_type: mimeType })),
    warnings: warnings(shown, truncated, isText),
  };
}

function warnings(shown: Uint8Array, truncated: boolean, isText: boolean): readonly string[] {
  if (!isText) return ['This file is not text; use it by its path.'];
  if (truncated) return [`Only the first ${MAX_BODY_BYTES} bytes are shown; read the rest from the file itself.`];
  const tokens = Math.ceil(shown.length / 4);
  return tokens > LONG_BODY_TOKENS ? [`This text has about ${tokens} tokens.`] : [];
}

/** The instructions without the front matter, which stands in the other fields. */
function bodyOf(bytes: Uint8Array): Uint8Array {
  const parsed = parseSkillFile(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  return parsed.kind === 'unreadable' ? bytes : new TextEncoder().encode(parsed.body.trimStart());
}

function wholeCharacters(bytes: Uint8Array, limit: number): number {
  let end = limit;
  while (end > limit - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}

/** Only listed skills are named: a hidden one is for those who know it. */
function notFound(library: SkillLibrary, wanted: string): LoadOutcome {
  const near = library.list().map(({ name }) => name);
  const similar = near.filter((name) => sharesWord(name, wanted)).slice(0, MAX_SUGGESTIONS);
  const named = wanted.slice(0, 200);
  const message = `there is no skill ${JSON.stringify(named)}${similar.length > 0 ? `; near: ${similar.join(', ')}` : ''}`;
  return { kind: 'failed', code: 'SKILL_NOT_FOUND', message, detail: { skill: named, near: similar } };
}

function sharesWord(name: string, wanted: string): boolean {
  const words =
    wanted
      .toLowerCase()
      .slice(0, 200)
      .match(/[\p{L}\p{N}]{3,}/gu) ?? [];
  return words.some((word) => name.toLowerCase().includes(word) || word.includes(name.toLowerCase()));
}
