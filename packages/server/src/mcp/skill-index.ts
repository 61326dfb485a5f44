/**
 * The skills of the library as `skill://` resources and as entries of the skills extension (SEP-2640). Rebuilt when the
 * library changes; a file is served only while it is the one that its entry names.
 */
import { createHash } from 'node:crypto';
import type { ResourceDefinition, Skill, SkillFile, SkillLibrary } from '@agentbox/control-plane';
import type { JsonObject } from './json.ts';

export interface SkillIndex {
  readonly entries: readonly JsonObject[];
  entry(uri: string): JsonObject | undefined;
  /** direct children of a directory */
  children(uri: string): readonly JsonObject[] | undefined;
  /** the SKILL.md of each, as resources */
  readonly manifests: readonly ResourceDefinition[];
  file(uri: string): IndexedFile | undefined;
}

export interface IndexedFile {
  readonly skill: Skill;
  readonly file: SkillFile;
}

const DIRECTORY_TYPE = 'inode/directory';

/** Bounds of the extension: a skill beyond them is a tool's matter only. */
const NAME = /^(?!.*--)[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/;
const MAX_FILES = 512;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_DESCRIPTION = 1024;

function canonicalUri(uri: string): string | undefined {
  return URL.canParse(uri) ? new URL(uri).href : undefined;
}

export function buildSkillIndex(skills: readonly Skill[]): SkillIndex {
  const entries = new Map<string, JsonObject>();
  const files = new Map<string, IndexedFile>();
  const directories = new Map<string, Map<string, JsonObject>>();
  const manifests: ResourceDefinition[] = [];
  for (const skill of skills) {
    const root = rootOf(skill);
    if (!isServable(skill) || entries.has(`${root}/SKILL.md`)) continue;
    entries.set(`${root}/SKILL.md`, entryOf(skill, root));
    manifests.push(manifestOf(skill, root));
    for (const file of skill.files) {
      files.set(uriOf(root, file.path), { skill, file });
      addToDirectories(directories, root, file);
    }
  }
  const find = <T>(map: ReadonlyMap<string, T>, uri: string): T | undefined => map.get(canonicalUri(uri) ?? '');
  return {
    entries: [...entries.values()],
    manifests,
    entry: (uri) => find(entries, uri),
    file: (uri) => find(files, uri),
    children(uri) {
      const known = find(directories, uri.endsWith('/') ? uri.slice(0, -1) : uri);
      return known === undefined ? undefined : [...known.values()];
    },
  };
}

/** The last segment must be the name of the front matter; a skill that gave way to another of its name is known by both. */
function rootOf({ name, frontmatter }: Skill): string {
  return frontmatter['name'] === name ? `skill://${name}` : `skill://${name}/${String(frontmatter['name'])}`;
}

function isServable(skill: Skill): boolean {
  const bytes = skill.files.reduce((sum, file) => sum + file.size, 0);
  const fits = skill.files.length <= MAX_FILES && bytes <= MAX_BYTES;
  const described = skill.description !== '' && Array.from(skill.description).length <= MAX_DESCRIPTION;
  const own = skill.frontmatter['name'];
  const named = NAME.test(skill.name) && typeof own === 'string' && NAME.test(own);
  return named && fits && described && skill.files.some(({ path }) => path === 'SKILL.md');
}

function entryOf(skill: Skill, root: string): JsonObject {
  const resources = skill.files
    .map((file) => ({ uri: uriOf(root, file.path), digest: `sha256:${file.sha256}`, size: file.size }))
    .sort((a, b) => (a.uri < b.uri ? -1 : 1));
  return { uri: `${root}/SKILL.md`, frontmatter: skill.frontmatter, resources };
}

function manifestOf(skill: Skill, root: string): ResourceDefinition {
  const size = skill.files.find(({ path }) => path === 'SKILL.md')?.size ?? 0;
  const { name, description } = skill;
  return { uri: `${root}/SKILL.md`, name, title: null, description, mimeType: 'text/markdown', size };
}

/** As a URL parser writes it: what a client sends back is compared in that form. */
function uriOf(root: string, path: string): string {
  const text = `${root}/${path.split('/').map(encodeURIComponent).join('/')}`;
  return canonicalUri(text) ?? text;
}

/** Every folder on the way to a file is a directory with children. */
function addToDirectories(directories: Map<string, Map<string, JsonObject>>, root: string, file: SkillFile): void {
  const segments = file.path.split('/');
  for (let depth = 0; depth < segments.length; depth += 1) {
    const parent = depth === 0 ? root : uriOf(root, segments.slice(0, depth).join('/'));
    const uri = uriOf(root, segments.slice(0, depth + 1).join('/'));
    const name = segments[depth] ?? '';
    const isFile = depth === segments.length - 1;
    const child = isFile
      ? { uri, name, mimeType: file.mimeType, size: file.size }
      : { uri, name, mimeType: DIRECTORY_TYPE };
    const known = directories.get(parent) ?? new Map<string, JsonObject>();
    directories.set(parent, known.set(uri, child));
  }
}

/** Undefined when the file is not the one of the entry any more: the library is about to say so. */
export async function readSkillFile(
  library: SkillLibrary,
  indexed: IndexedFile,
  uri: string,
): Promise<JsonObject | undefined> {
  const { skill, file } = indexed;
  const bytes = await library.readFile(skill, file.path, file.size + 1);
  if (bytes.byteLength !== file.size || createHash('sha256').update(bytes).digest('hex') !== file.sha256)
    return undefined;
  const { mimeType } = file;
  try {
    return { uri, mimeType, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { uri, mimeType, blob: Buffer.from(bytes).toString('base64') };
  }
}
