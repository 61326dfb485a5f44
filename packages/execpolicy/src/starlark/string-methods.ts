/** The methods of strings. Places and counts are in characters. */
import { RulesFault } from '../problem.ts';
import { take, wantFlag, wantNumber, wantText, wrongType } from './arguments.ts';
import type { Budget } from './budget.ts';
import { charCount, charsOf, WHITE } from './characters.ts';
import { formatBraces } from './format.ts';
import { elementsOf } from './sequences.ts';
import { type Given, listOf, tupleOf, type Value } from './values.ts';

export type Method<T> = (self: T, given: Given, budget: Budget) => Value;

const WORDS = new RegExp(`${WHITE.source.replace('[', '[^')}+`, 'gu');

const isUpper = (char: string): boolean => /^\p{Lu}$/u.test(char);
const isLower = (char: string): boolean => /^\p{Ll}$/u.test(char);
const isCased = (char: string): boolean => isUpper(char) || isLower(char);
const isLetter = (char: string): boolean => /^\p{L}$/u.test(char);

const every =
  (name: string, test: (char: string) => boolean): Method<string> =>
  (self, given) => {
    take(name, given, []);
    return self !== '' && charsOf(self).every(test);
  };

const mapped =
  (name: string, map: (text: string) => string): Method<string> =>
  (self, given, budget) => {
    take(name, given, []);
    const text = map(self);
    budget.make(text.length);
    return text;
  };

/** Upper case where a word begins, lower case inside. */
function titled(text: string): string {
  let inWord = false;
  return charsOf(text)
    .map((char) => {
      const shown = inWord ? char.toLowerCase() : char.toUpperCase();
      inWord = isLetter(char);
      return shown;
    })
    .join('');
}

function isTitle(text: string): boolean {
  let inWord = false;
  let seen = false;
  for (const char of text) {
    if (isUpper(char) && inWord) return false;
    if (isLower(char) && !inWord) return false;
    inWord = isCased(char);
    seen ||= inWord;
  }
  return seen;
}

/** The first or last place of `part` between `start` and `end`, or -1. */
function search(name: string, self: string, given: Given, budget: Budget): number {
  const [part, start, end] = take(name, given, ['sub', 'start?', 'end?', '/']);
  const chars = charsOf(self);
  budget.step(1 + Math.floor(self.length / 8));
  const place = (value: Value | undefined, otherwise: number): number => {
    if (value === undefined || value === null) return otherwise;
    const asked = wantNumber(name, 'start', value);
    const at = asked < 0n ? asked + BigInt(chars.length) : asked;
    return Number(at < 0n ? 0n : at > BigInt(chars.length) ? BigInt(chars.length) : at);
  };
  const [from, to] = [place(start, 0), place(end, chars.length)];
  if (from > to) return -1;
  const within = chars.slice(from, to).join('');
  const wanted = wantText(name, 'sub', part);
  const found = name.startsWith('r') ? within.lastIndexOf(wanted) : within.indexOf(wanted);
  return found === -1 ? -1 : from + charCount(within.slice(0, found));
}

const finding =
  (name: 'find' | 'rfind' | 'index' | 'rindex'): Method<string> =>
  (self, given, budget) => {
    const place = search(name, self, given, budget);
    if (place === -1 && name.endsWith('index'))
      throw new RulesFault('the part does not occur in the string', 'ask with `in`, or use find(), which gives -1');
    return BigInt(place);
  };

const affix =
  (name: 'startswith' | 'endswith'): Method<string> =>
  (self, given) => {
    const [part] = take(name, given, ['affix', '/']);
    const parts = typeof part === 'object' && part !== null && part.kind === 'tuple' ? part.items : [part];
    return parts
      .map((one) => wantText(name, 'affix', one))
      .some((one) => (name === 'startswith' ? self.startsWith(one) : self.endsWith(one)));
  };

const stripping =
  (name: 'strip' | 'lstrip' | 'rstrip'): Method<string> =>
  (self, given, budget) => {
    const [asked] = take(name, given, ['chars?', '/']);
    const set = asked === undefined ? null : new Set(charsOf(wantText(name, 'chars', asked)));
    const isOff = (char: string | undefined): boolean =>
      char !== undefined && (set === null ? WHITE.test(char) : set.has(char));
    const chars = charsOf(self);
    let [from, to] = [0, chars.length];
    if (name !== 'rstrip') while (from < to && isOff(chars[from])) from += 1;
    if (name !== 'lstrip') while (to > from && isOff(chars[to - 1])) to -= 1;
    budget.make(to - from);
    return chars.slice(from, to).join('');
  };

const removing =
  (name: 'removeprefix' | 'removesuffix'): Method<string> =>
  (self, given, budget) => {
    const part = wantText(name, 'affix', take(name, given, ['affix', '/'])[0]);
    budget.make(self.length);
    if (name === 'removeprefix') return self.startsWith(part) ? self.slice(part.length) : self;
    return part !== '' && self.endsWith(part) ? self.slice(0, -part.length) : self;
  };

const partitioning =
  (name: 'partition' | 'rpartition'): Method<string> =>
  (self, given, budget) => {
    const part = wantText(name, 'sep', take(name, given, ['sep', '/'])[0]);
    if (part === '') throw new RulesFault('an empty separator', 'give the text to divide at');
    budget.make(self.length);
    const at = name === 'partition' ? self.indexOf(part) : self.lastIndexOf(part);
    if (at === -1) return tupleOf(name === 'partition' ? [self, '', ''] : ['', '', self]);
    return tupleOf([self.slice(0, at), part, self.slice(at + part.length)]);
  };

/** Runs of white space divide; what is left over when `most` is reached keeps the white space at its far end. */
function splitWhite(text: string, most: number, fromEnd: boolean): readonly string[] {
  const words = [...text.matchAll(WORDS)].map((found) => ({ text: found[0], from: found.index }));
  const plain = words.map((word) => word.text);
  if (plain.length - 1 <= most) return plain;
  if (fromEnd) {
    const last = words[words.length - most - 1];
    return [text.slice(0, (last?.from ?? 0) + (last?.text.length ?? 0)), ...plain.slice(plain.length - most)];
  }
  return [...plain.slice(0, most), text.slice(words[most]?.from ?? 0)];
}

function splitAt(text: string, separator: string, most: number, fromEnd: boolean): readonly string[] {
  const parts = separator === '' ? ['', ...charsOf(text), ''] : text.split(separator);
  if (parts.length - 1 <= most) return parts;
  if (fromEnd) return [parts.slice(0, parts.length - most).join(separator), ...parts.slice(parts.length - most)];
  return [...parts.slice(0, most), parts.slice(most).join(separator)];
}

const splitting =
  (name: 'split' | 'rsplit'): Method<string> =>
  (self, given, budget) => {
    const [separator, limit] = take(name, given, ['sep?', 'maxsplit?', '/']);
    const asked = limit === undefined || limit === null ? -1n : wantNumber(name, 'maxsplit', limit);
    const most = asked < 0n || asked > BigInt(self.length) + 1n ? self.length + 1 : Number(asked);
    budget.make(2 * self.length + 2);
    const fromEnd = name === 'rsplit';
    if (separator === undefined || separator === null) return listOf([...splitWhite(self, most, fromEnd)]);
    return listOf([...splitAt(self, wantText(name, 'sep', separator), most, fromEnd)]);
  };

const splitlines: Method<string> = (self, given, budget) => {
  const keep = wantFlag('splitlines', 'keepends', take('splitlines', given, ['keepends?', '/'])[0]);
  budget.make(2 * self.length);
  const lines = self.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [];
  return listOf(keep ? [...lines] : lines.map((line) => line.replace(/(?:\r\n|\r|\n)$/, '')));
};

const join: Method<string> = (self, given, budget) => {
  const parts = elementsOf(take('join', given, ['parts', '/'])[0] ?? null, budget);
  const texts = parts.map((part) => wantText('join', 'parts', part));
  budget.make(texts.reduce((sum, text) => sum + text.length + self.length, 0));
  return texts.join(self);
};

const replace: Method<string> = (self, given, budget) => {
  const [oldGiven, newGiven, limit] = take('replace', given, ['old', 'new', 'count?', '/']);
  const [from, to] = [wantText('replace', 'old', oldGiven), wantText('replace', 'new', newGiven)];
  const asked = limit === undefined ? null : wantNumber('replace', 'count', limit);
  if (asked !== null && asked < 0n) throw new RulesFault('a negative count', 'leave it out to replace all');
  const parts = from === '' ? ['', ...charsOf(self), ''] : self.split(from);
  const most = asked === null || asked >= BigInt(parts.length - 1) ? parts.length - 1 : Number(asked);
  budget.make(self.length + most * to.length);
  return (
    parts.slice(0, most + 1).join(to) +
    parts
      .slice(most + 1)
      .map((part) => from + part)
      .join('')
  );
};

const count: Method<string> = (self, given, budget) => {
  const [part, ...bounds] = take('count', given, ['sub', 'start?', 'end?', '/']);
  if (bounds.some((bound) => bound !== undefined))
    throw wrongType('count', 'start', 'the part only: cut the string with [a:b] first', bounds[0]);
  const wanted = wantText('count', 'sub', part);
  budget.make(self.length);
  return BigInt(wanted === '' ? charCount(self) + 1 : self.split(wanted).length - 1);
};

const elems: Method<string> = (self, given, budget) => {
  take('elems', given, []);
  budget.make(self.length);
  return { kind: 'elements', items: charsOf(self) };
};

const capitalize = (text: string): string => {
  const [first = '', ...rest] = charsOf(text);
  return first.toUpperCase() + rest.join('').toLowerCase();
};

const cased =
  (name: 'islower' | 'isupper', wrong: (char: string) => boolean): Method<string> =>
  (self, given) => {
    take(name, given, []);
    const chars = charsOf(self);
    return chars.some(isCased) && !chars.some(wrong);
  };

export const STRING_METHODS: Readonly<Record<string, Method<string>>> = {
  capitalize: mapped('capitalize', capitalize),
  count,
  elems,
  endswith: affix('endswith'),
  find: finding('find'),
  format: (self, given, budget) => formatBraces(self, given, budget),
  index: finding('index'),
  isalnum: every('isalnum', (char) => /^[\p{L}\p{N}]$/u.test(char)),
  isalpha: every('isalpha', isLetter),
  isdigit: every('isdigit', (char) => /^\p{N}$/u.test(char)),
  islower: cased('islower', isUpper),
  isspace: every('isspace', (char) => WHITE.test(char)),
  istitle: (self, given) => {
    take('istitle', given, []);
    return isTitle(self);
  },
  isupper: cased('isupper', isLower),
  join,
  lower: mapped('lower', (text) => text.toLowerCase()),
  lstrip: stripping('lstrip'),
  partition: partitioning('partition'),
  removeprefix: removing('removeprefix'),
  removesuffix: removing('removesuffix'),
  replace,
  rfind: finding('rfind'),
  rindex: finding('rindex'),
  rpartition: partitioning('rpartition'),
  rsplit: splitting('rsplit'),
  rstrip: stripping('rstrip'),
  split: splitting('split'),
  splitlines,
  startswith: affix('startswith'),
  strip: stripping('strip'),
  title: mapped('title', titled),
  upper: mapped('upper', (text) => text.toUpperCase()),
};
