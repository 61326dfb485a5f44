/**
 * SKILL.md to front matter and body. Tolerant of what people write: a byte order mark, CRLF, YAML that only misses
 * quotes. What cannot be read is a problem in words, never a throw.
 */
import { parse } from 'yaml';

export interface FrontMatter {
  readonly kind: 'front-matter';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** what was tolerated */
  readonly problems: readonly string[];
}

export type ParsedSkillFile = FrontMatter | { readonly kind: 'unreadable'; readonly problem: string };

/** in characters */
const MAX_FRONT_MATTER = 16_384;
const SALVAGED = new Set(['name', 'description', 'title', 'tags', 'license', 'compatibility', 'allowed-tools']);

export function parseSkillFile(text: string): ParsedSkillFile {
  const lines = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  const opening = /^---[ \t]*\n/.exec(lines);
  if (opening === null) return { kind: 'unreadable', problem: 'no front matter: the first line must be ---' };
  const rest = lines.slice(opening[0].length);
  const closing = /^(?:---|\.\.\.)[ \t]*(?:\n|$)/m.exec(rest.slice(0, MAX_FRONT_MATTER));
  if (closing === null) {
    return { kind: 'unreadable', problem: `the front matter has no closing --- within ${MAX_FRONT_MATTER} characters` };
  }
  const source = rest.slice(0, closing.index);
  return { kind: 'front-matter', body: rest.slice(closing.index + closing[0].length), ...readFields(source) };
}

function readFields(source: string): Pick<FrontMatter, 'fields' | 'problems'> {
  const read = readYaml(source);
  if (read.kind === 'record') return { fields: read.fields, problems: [] };
  const fields = salvage(source);
  const problem = `the front matter is not valid YAML (${read.cause}); its plain lines were used`;
  return { fields, problems: [problem] };
}

type YamlRecord =
  | { readonly kind: 'record'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'invalid'; readonly cause: string };

/** One YAML mapping; aliases are few, so that a small text cannot grow into a large value. */
export function readYaml(source: string): YamlRecord {
  try {
    const value: unknown = parse(source, { schema: 'core', maxAliasCount: 10, uniqueKeys: false, logLevel: 'error' });
    if (value === null) return { kind: 'record', fields: {} };
    if (typeof value !== 'object' || Array.isArray(value)) return { kind: 'invalid', cause: 'not a mapping' };
    return { kind: 'record', fields: { ...value } };
  } catch (fault) {
    const cause = fault instanceof Error ? fault.message : 'unreadable';
    return { kind: 'invalid', cause: cause.split('\n', 1).join('').slice(0, 120).replace(/:$/, '') };
  }
}

/** `key: rest of the line`, with the indented lines below it. */
function salvage(source: string): Readonly<Record<string, unknown>> {
  const found = new Map<string, string>();
  let current: string | null = null;
  for (const line of source.split('\n')) {
    const field = /^([A-Za-z][\w-]*):(?:[ \t]+(.*))?$/.exec(line);
    if (field !== null) {
      current = field[1] ?? null;
      if (current !== null && SALVAGED.has(current)) found.set(current, unquoted(field[2] ?? ''));
    } else if (current !== null && found.has(current) && /^[ \t]+\S/.test(line)) {
      found.set(current, `${found.get(current) ?? ''} ${line.trim()}`.trim());
    }
  }
  return Object.fromEntries([...found].filter(([, value]) => value !== ''));
}

/** A block sign (`>` or `|`) has no text of its own: its lines follow. */
function unquoted(text: string): string {
  const value = text.trim();
  if (/^[|>][+-]?$/.test(value)) return '';
  const quoted = /^(["'])(.*)\1$/.exec(value);
  return quoted?.[2] ?? value;
}
