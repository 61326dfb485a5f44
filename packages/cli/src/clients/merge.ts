/**
 * Puts one entry into the text of a client's configuration. Pure. What others wrote stays: a text that cannot be read
 * without loss (comments in JSON, broken syntax) is refused, never rewritten.
 */
import { parse as parseToml, stringify as stringifyToml } from 'smol-toml';
import type { Entry } from './recipe.ts';

export type Merged =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'refused'; readonly why: string };

type Table = Readonly<Record<string, unknown>>;

export function merge(text: string, entry: Entry): Merged {
  return entry.format === 'json' ? mergeJson(text, entry) : mergeToml(text, entry);
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mergeJson(text: string, entry: Entry): Merged {
  const standing = text.trim() === '' ? {} : readJson(text);
  if (!isTable(standing)) return { kind: 'refused', why: 'it holds comments or is not a JSON object' };
  const [servers, name] = entry.path;
  const others = standing[servers] ?? {};
  if (!isTable(others)) return { kind: 'refused', why: `\`${servers}\` is not an object` };
  const merged: Record<string, unknown> = { ...standing, [servers]: { ...others, [name]: entry.value } };
  for (const [list, items] of Object.entries(entry.lists)) {
    const present = standing[list] ?? [];
    if (!Array.isArray(present)) return { kind: 'refused', why: `\`${list}\` is not an array` };
    const ids = new Set(items.map((item) => item['id']));
    merged[list] = [...present.filter((item) => !(isTable(item) && ids.has(item['id']))), ...items];
  }
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  ';
  return { kind: 'text', text: `${JSON.stringify(merged, null, indent)}\n` };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Works on the lines, so that comments and order stay; the result is read again and compared. */
function mergeToml(text: string, entry: Entry): Merged {
  const before = readToml(text);
  if (before === undefined) return { kind: 'refused', why: 'it is not valid TOML' };
  const [servers, name] = entry.path;
  const ours = `[${servers}.${name}]\n${stringifyToml({ ...entry.value }).trimEnd()}\n`;
  const kept = withoutTable(text, servers, name).trimEnd();
  const merged = kept === '' ? ours : `${kept}\n\n${ours}`;
  const after = readToml(merged);
  const standing = before[servers] ?? {};
  if (!isTable(standing)) return { kind: 'refused', why: `\`${servers}\` is not a table` };
  const wanted = { ...before, [servers]: { ...standing, [name]: entry.value } };
  return sameToml(after, wanted)
    ? { kind: 'text', text: merged }
    : { kind: 'refused', why: 'our entry stands in it in a form that cannot be replaced safely' };
}

function sameToml(after: Table | undefined, wanted: Table): boolean {
  return after !== undefined && stringifyToml(sorted(after)) === stringifyToml(sorted(wanted));
}

function sorted(table: Table): Table {
  const entries = Object.entries(table).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, value]) => [key, isTable(value) ? sorted(value) : value]));
}

function readToml(text: string): Table | undefined {
  try {
    return parseToml(text);
  } catch {
    return undefined;
  }
}

/** Drops the table `[servers.name]` and those below it, up to the next other table. */
function withoutTable(text: string, servers: string, name: string): string {
  const own = new RegExp(`^\\s*\\[\\s*"?${servers}"?\\s*\\.\\s*"?${name}"?\\s*(\\.[^\\]]*)?\\]`);
  let dropping = false;
  const kept = text.split('\n').filter((line) => {
    if (/^\s*\[/.test(line)) dropping = own.test(line);
    return !dropping;
  });
  return kept.join('\n');
}
