/**
 * Replaces known secret values in text and in plain data, in each of their usual forms. Compiled once, then one pass
 * over the text. Pure. What is split over several results, compressed or encrypted is not found.
 */
import { redactionForms } from './redact-forms.ts';

export interface NamedSecret {
  readonly name: string;
  readonly value: string;
}

export interface Redactor {
  text(text: string): string;
  /** the same data with every string and key redacted; the same reference when nothing was found */
  data<T>(data: T): T;
  /** names of secrets too short to be looked for: every common word would match */
  readonly tooShort: readonly string[];
}

/** A shorter secret, or form of one, would blank ordinary words. */
const MIN_CHARS = 6;
/** the first characters of a form, by which a place in the text is ruled out */
const KEY_CHARS = 3;
const TABLE_SIZE = 1 << 16;

interface Form {
  readonly text: string;
  readonly label: string;
}

interface Table {
  readonly seen: Uint8Array;
  readonly byKey: ReadonlyMap<string, readonly Form[]>;
}

export function compileRedactor(secrets: readonly NamedSecret[]): Redactor {
  const usable = secrets.filter(({ value }) => value.length >= MIN_CHARS);
  const tooShort = secrets.filter(({ value }) => value.length < MIN_CHARS).map(({ name }) => name);
  const table = compileTable(usable);
  const text = usable.length === 0 ? (given: string) => given : (given: string) => replaceAll(given, table);
  return { text, data: <T>(data: T) => redactData(data, text), tooShort };
}

function compileTable(secrets: readonly NamedSecret[]): Table {
  const seen = new Uint8Array(TABLE_SIZE);
  const byKey = new Map<string, Form[]>();
  for (const { name, value } of secrets) {
    for (const form of redactionForms(value)) {
      if (form.length < MIN_CHARS) continue;
      const key = form.slice(0, KEY_CHARS);
      seen[slotAt(form, 0)] = 1;
      byKey.set(key, [...(byKey.get(key) ?? []), { text: form, label: `[redacted:${name}]` }]);
    }
  }
  // The longest form wins, so that a secret that begins with another one is covered whole.
  for (const forms of byKey.values()) forms.sort((a, b) => b.text.length - a.text.length);
  return { seen, byKey };
}

function slotAt(text: string, at: number): number {
  const mixed = text.charCodeAt(at) * 961 + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2);
  return mixed & (TABLE_SIZE - 1);
}

function replaceAll(text: string, table: Table): string {
  let out = '';
  let kept = 0;
  for (let at = 0; at + MIN_CHARS <= text.length; at += 1) {
    if (table.seen[slotAt(text, at)] !== 1) continue;
    const form = table.byKey.get(text.slice(at, at + KEY_CHARS))?.find((one) => text.startsWith(one.text, at));
    if (form === undefined) continue;
    out += text.slice(kept, at) + form.label;
    kept = at + form.text.length;
    at = kept - 1;
  }
  return kept === 0 ? text : out + text.slice(kept);
}

function redactData<T>(data: T, text: (given: string) => string): T;
function redactData(data: unknown, text: (given: string) => string): unknown {
  if (typeof data === 'string') return text(data);
  if (Array.isArray(data)) {
    const items: readonly unknown[] = data;
    const redacted = items.map((item) => redactData(item, text));
    return redacted.every((item, index) => item === items[index]) ? data : redacted;
  }
  if (typeof data !== 'object' || data === null) return data;
  const pairs: readonly (readonly [string, unknown])[] = Object.entries(data);
  const redacted = pairs.map(([key, value]) => [text(key), redactData(value, text)] as const);
  const same = redacted.every(([key, value], index) => key === pairs[index]?.[0] && value === pairs[index]?.[1]);
  return same ? data : Object.fromEntries(redacted);
}
