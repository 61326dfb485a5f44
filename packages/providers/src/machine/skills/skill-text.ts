/**
 * Text that a skill says about itself goes into a model's context: it must not look like markup, hide characters, or
 * change the direction of what stands beside it.
 */

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Co}\p{Cs}]/gu;
const BLANKS = /[\p{Cc}\p{Zl}\p{Zp}\s]+/gu;
const MAX_DEPTH = 4;
const MAX_ITEMS = 100;

/** One line, no control or invisible characters; angle brackets become ‹ and ›, which no parser takes for a tag. */
export function plainLine(text: string, maxChars: number): string {
  const line = text.replace(INVISIBLE, '').replace(BLANKS, ' ').replaceAll('<', '‹').replaceAll('>', '›').trim();
  const characters = Array.from(line);
  return characters.length <= maxChars ? line : `${characters.slice(0, maxChars - 3).join('')}...`;
}

/** Whether a file name may stand in a model's context as it is. */
export function isPlainName(name: string): boolean {
  return plainLine(name, 255) === name;
}

/** A parsed front matter with every string made a plain line, and its depth and width bounded. */
function plainValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return plainLine(value, 4096);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean' || value === null) return value;
  if (depth >= MAX_DEPTH || typeof value !== 'object') return null;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => plainValue(item, depth + 1));
  return plainRecord(value, depth);
}

export function plainRecord(value: object, depth = 0): Readonly<Record<string, unknown>> {
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(entries.map(([key, item]) => [plainLine(key, 100), plainValue(item, depth + 1)]));
}
