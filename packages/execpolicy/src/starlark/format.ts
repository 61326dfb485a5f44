/** `%` and str.format(): what each replacement takes, and that none is missing or left over. */
import { RulesFault } from '../problem.ts';
import type { Budget } from './budget.ts';
import { repr, str } from './text.ts';
import { type Given, typeName, type Value } from './values.ts';

const PERCENT_HINT = 'use %s, %r, %d, %x, %X, %o or %%, and give one value for each';

function percentOne(letter: string, value: Value, budget: Budget): string {
  if (letter === 's') return str(value, budget);
  if (letter === 'r') return repr(value, budget);
  const radix = { d: 10, x: 16, X: 16, o: 8 }[letter];
  if (radix === undefined) throw new RulesFault(`\`%${letter}\` is not known`, PERCENT_HINT);
  if (typeof value !== 'bigint') throw new RulesFault(`\`%${letter}\` on a ${typeName(value)}`, 'it shows numbers');
  return letter === 'X' ? value.toString(radix).toUpperCase() : value.toString(radix);
}

export function formatPercent(format: string, given: Value, budget: Budget): string {
  const values = typeof given === 'object' && given !== null && given.kind === 'tuple' ? given.items : [given];
  let out = '';
  let used = 0;
  const pieces = format.split('%');
  out += pieces[0] ?? '';
  for (let index = 1; index < pieces.length; index += 1) {
    const piece = pieces[index] ?? '';
    if (piece === '') {
      // Two signs in a row; what stands between the second and the next one is plain text.
      if (index + 1 >= pieces.length) throw new RulesFault('the format ends with %', 'write %% for a percent sign');
      index += 1;
      out += `%${pieces[index] ?? ''}`;
      continue;
    }
    const letter = String.fromCodePoint(piece.codePointAt(0) ?? 0);
    const value = values[used];
    if (value === undefined) throw new RulesFault('the format takes more values than are given', PERCENT_HINT);
    used += 1;
    out += percentOne(letter, value, budget) + piece.slice(letter.length);
  }
  if (used < values.length) throw new RulesFault('the format takes fewer values than are given', PERCENT_HINT);
  budget.make(out.length);
  return out;
}

const FORMAT_HINT = 'use {}, {0}, {name}, {!r}, and {{ or }} for braces';

export function formatBraces(format: string, given: Given, budget: Budget): string {
  let out = '';
  let at = 0;
  let automatic = 0;
  let manual = false;
  while (at < format.length) {
    const char = format[at] ?? '';
    if (char !== '{' && char !== '}') {
      const next = /[{}]/g;
      next.lastIndex = at;
      const end = next.exec(format)?.index ?? format.length;
      out += format.slice(at, end);
      at = end;
    } else if (format[at + 1] === char) {
      out += char;
      at += 2;
    } else {
      const end = format.indexOf('}', at);
      if (char === '}' || end === -1) throw new RulesFault(`a lone \`${char}\` in a format`, FORMAT_HINT);
      const field = readField(format.slice(at + 1, end));
      if (field.name === '') automatic += 1;
      else if (/^\d+$/.test(field.name)) manual = true;
      if (automatic > 0 && manual) throw new RulesFault('a format with both {} and {0}', 'number all fields or none');
      const value = fieldValue(field.name === '' ? String(automatic - 1) : field.name, given);
      out += field.isQuoted ? repr(value, budget) : str(value, budget);
      at = end + 1;
    }
  }
  budget.make(out.length);
  return out;
}

interface Field {
  readonly name: string;
  readonly isQuoted: boolean;
}

function readField(text: string): Field {
  const found = /^(\d+|[A-Za-z_][A-Za-z0-9_]*)?(?:!([sr]))?$/.exec(text);
  if (found === null) throw new RulesFault(`the field \`{${text}}\` cannot be read`, FORMAT_HINT);
  return { name: found[1] ?? '', isQuoted: found[2] === 'r' };
}

function fieldValue(name: string, given: Given): Value {
  const value = /^\d/.test(name) ? given.positional[Number(name)] : given.named.get(name);
  if (value === undefined) throw new RulesFault(`the format asks for \`${name}\`, which is not given`, FORMAT_HINT);
  return value;
}
