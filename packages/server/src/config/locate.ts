/** Finds the line of a key in TOML text, so that an error can name it. Reads tables, dotted keys and quoted keys. */

const HEADER = /^\s*\[\[?([^\]]+)\]\]?\s*(?:#.*)?$/;
const ASSIGNMENT = /^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=/;

/** The line (from 1) that sets `path`, else that of the nearest table around it, else undefined. */
export function lineOf(toml: string, path: readonly string[]): number | undefined {
  let table: readonly string[] = [];
  let nearestLine: number | undefined;
  let depth = 0;
  for (const [index, text] of toml.split('\n').entries()) {
    const header = HEADER.exec(text)?.[1];
    if (header !== undefined) table = splitKey(header);
    const assigned = header === undefined ? ASSIGNMENT.exec(text)?.[1] : undefined;
    const here = assigned === undefined ? table : [...table, ...splitKey(assigned)];
    if (header === undefined && assigned === undefined) continue;
    if (here.length > depth && here.every((part, at) => part === path[at])) {
      nearestLine = index + 1;
      depth = here.length;
    }
  }
  return nearestLine;
}

function splitKey(key: string): readonly string[] {
  return key.split('.').map((part) => part.trim().replace(/^(["'])(.*)\1$/, '$2'));
}
