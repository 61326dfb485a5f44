/** The functions that every rule file knows. `call` runs a function value, for key=. */
import { RulesFault } from '../problem.ts';
import { take, wantCallable, wantFlag, wantNumber, wantText, wrongType } from './arguments.ts';
import type { Budget } from './budget.ts';
import { charsOf } from './characters.ts';
import { putAll, putEntry } from './collection-methods.ts';
import { compare } from './compare.ts';
import { elementsOf } from './sequences.ts';
import { repr, str } from './text.ts';
import { emptyDict, type Given, isTrue, listOf, rangeLength, tupleOf, typeName, type Value } from './values.ts';

export interface Tools {
  readonly budget: Budget;
  readonly call: (callee: Value, given: Given) => Value;
}

type Builtin = (given: Given, tools: Tools) => Value;

const NOTHING_NAMED: ReadonlyMap<string, Value> = new Map();

function keyed(items: readonly Value[], key: Value | undefined, tools: Tools): readonly (readonly [Value, Value])[] {
  if (key === undefined) return items.map((item) => [item, item]);
  const callee = wantCallable('key', 'key', key);
  return items.map((item) => [tools.call(callee, { positional: [item], named: NOTHING_NAMED }), item]);
}

const extreme =
  (name: 'min' | 'max'): Builtin =>
  ({ positional, named }, tools) => {
    const [key] = take(name, { positional: [], named }, ['=key?']);
    const items = positional.length === 1 ? elementsOf(positional[0] ?? null, tools.budget) : positional;
    let best: readonly [Value, Value] | undefined;
    for (const pair of keyed(items, key, tools)) {
      if (best === undefined) best = pair;
      else {
        const order = compare(pair[0], best[0], tools.budget);
        if (name === 'min' ? order < 0 : order > 0) best = pair;
      }
    }
    if (best === undefined) throw new RulesFault(`${name}() of nothing`, 'ask with len() first');
    return best[1];
  };

const sorted: Builtin = (given, tools) => {
  const [values = null, key, reverse] = take('sorted', given, ['values', '/', '=key?', '=reverse?']);
  const items = elementsOf(values, tools.budget);
  tools.budget.make(2 * items.length);
  const pairs = [...keyed(items, key, tools)];
  const sign = wantFlag('sorted', 'reverse', reverse) ? -1 : 1;
  pairs.sort((left, right) => sign * compare(left[0], right[0], tools.budget));
  return listOf(pairs.map(([, item]) => item));
};

const range: Builtin = (given) => {
  const bounds = take('range', given, ['first', 'stop?', 'step?', '/']).map((bound) =>
    bound === undefined ? undefined : wantNumber('range', 'bound', bound),
  );
  const [first = 0n, stop, step = 1n] = bounds;
  if (step === 0n) throw new RulesFault('range() with step 0', 'use another step');
  return { kind: 'range', start: stop === undefined ? 0n : first, stop: stop ?? first, step };
};

const len: Builtin = (given, { budget }) => {
  const [value = null] = take('len', given, ['value', '/']);
  if (typeof value === 'string') {
    budget.step(1 + Math.floor(value.length / 8));
    return BigInt(charsOf(value).length);
  }
  if (typeof value === 'object' && value !== null) {
    if (value.kind === 'list' || value.kind === 'tuple') return BigInt(value.items.length);
    if (value.kind === 'dict') return BigInt(value.entries.size);
    if (value.kind === 'range') return rangeLength(value);
  }
  throw new RulesFault(`a ${typeName(value)} has no length`, 'ask for that of a list, a dict or a string');
};

const DIGITS: ReadonlyMap<number, RegExp> = new Map([
  [2, /^0[bB]/],
  [8, /^0[oO]/],
  [16, /^0[xX]/],
]);

function parseNumber(text: string, asked: bigint, budget: Budget): bigint {
  const [, sign, digits = ''] = /^([+-]?)([0-9A-Za-z]+)$/.exec(text) ?? [];
  const found = [...DIGITS].find(([, prefix]) => prefix.test(digits));
  const base = asked === 0n ? (found?.[0] ?? 10) : Number(asked);
  const plain = found !== undefined && found[0] === base ? digits.slice(2) : digits;
  let value = 0n;
  for (const char of plain.toLowerCase()) {
    const digit = Number.parseInt(char, 36);
    if (digit >= base) throw notANumber(text, base);
    value = budget.number(value * BigInt(base) + BigInt(digit));
  }
  const isOctalOfC = asked === 0n && /^0\d/.test(digits);
  if (plain === '' || isOctalOfC) throw notANumber(text, base);
  return sign === '-' ? -value : value;
}

const notANumber = (text: string, base: number): RulesFault =>
  new RulesFault(`${JSON.stringify(text)} is no number of base ${base}`, 'write digits only');

const int: Builtin = (given, { budget }) => {
  const [value = null, base] = take('int', given, ['value', '/', 'base?']);
  if (typeof value === 'string') {
    const asked = base === undefined ? 10n : wantNumber('int', 'base', base);
    if (asked !== 0n && (asked < 2n || asked > 36n)) throw new RulesFault('a base that is not 2 to 36', 'leave it out');
    return parseNumber(value, asked, budget);
  }
  if (base !== undefined) throw new RulesFault('a base for what is no string', 'leave it out');
  if (typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  throw wrongType('int', 'value', 'a string of digits', value);
};

const zip: Builtin = ({ positional, named }, { budget }) => {
  take('zip', { positional: [], named }, []);
  const columns = positional.map((value) => elementsOf(value, budget));
  const rows = columns.length === 0 ? 0 : Math.min(...columns.map((column) => column.length));
  budget.make(rows * (columns.length + 1));
  return listOf(Array.from({ length: rows }, (_, row) => tupleOf(columns.map((column) => column[row] ?? null))));
};

const enumerate: Builtin = (given, { budget }) => {
  const [values = null, start = 0n] = take('enumerate', given, ['values', '/', 'start?']);
  const first = wantNumber('enumerate', 'start', start);
  const items = elementsOf(values, budget);
  budget.make(3 * items.length);
  return listOf(items.map((item, index) => tupleOf([first + BigInt(index), item])));
};

const ord: Builtin = (given) => {
  const chars = charsOf(wantText('ord', 'value', take('ord', given, ['value', '/'])[0]));
  if (chars.length !== 1) throw new RulesFault(`ord() of ${chars.length} characters`, 'give one character');
  return BigInt(chars[0]?.codePointAt(0) ?? 0);
};

const chr: Builtin = (given) => {
  const code = wantNumber('chr', 'value', take('chr', given, ['value', '/'])[0]);
  if (code < 0n || code > 0x10_ffffn || (code >= 0xd800n && code <= 0xdfffn))
    throw new RulesFault(`no character has the number ${code}`, 'give the number of a character');
  return String.fromCodePoint(Number(code));
};

const abs: Builtin = (given) => {
  const value = wantNumber('abs', 'value', take('abs', given, ['value', '/'])[0]);
  return value < 0n ? -value : value;
};

const dict: Builtin = ({ positional, named }, { budget }) => {
  if (positional.length > 1) throw new RulesFault('dict() takes one list of pairs', 'join them with |');
  const made = emptyDict();
  if (positional[0] !== undefined) putAll(made, positional[0], budget);
  for (const [key, value] of named) putEntry(made, key, value, budget);
  return made;
};

function elementsGiven(name: string, given: Given, budget: Budget): readonly Value[] {
  const [values] = take(name, given, ['values?', '/']);
  const items = values === undefined ? [] : elementsOf(values, budget);
  budget.make(items.length);
  return items;
}

function allElements(name: string, given: Given, budget: Budget): readonly Value[] {
  return elementsOf(take(name, given, ['values', '/'])[0] ?? null, budget);
}

const fail: Builtin = ({ positional, named }, { budget }) => {
  const separator = named.get('sep') ?? ' ';
  const text = positional.map((value) => str(value, budget)).join(typeof separator === 'string' ? separator : ' ');
  throw new RulesFault(`fail: ${text}`, 'the file itself refuses to be loaded');
};

export const BUILTINS: Readonly<Record<string, Builtin>> = {
  abs,
  all: (given, { budget }) => allElements('all', given, budget).every(isTrue),
  any: (given, { budget }) => allElements('any', given, budget).some(isTrue),
  bool: (given) => isTrue(take('bool', given, ['value?', '/'])[0] ?? null),
  chr,
  dict,
  enumerate,
  fail,
  int,
  len,
  list: (given, { budget }) => listOf([...elementsGiven('list', given, budget)]),
  max: extreme('max'),
  min: extreme('min'),
  ord,
  range,
  repr: (given, { budget }) => repr(take('repr', given, ['value', '/'])[0] ?? null, budget),
  reversed: (given, { budget }) => listOf(elementsGiven('reversed', given, budget).toReversed()),
  sorted,
  str: (given, { budget }) => str(take('str', given, ['value', '/'])[0] ?? null, budget),
  tuple: (given, { budget }) => tupleOf([...elementsGiven('tuple', given, budget)]),
  type: (given) => typeName(take('type', given, ['value', '/'])[0] ?? null),
  zip,
};

/** Names, not keywords: a file may even assign to them. */
export const CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['None', null],
  ['True', true],
  ['False', false],
]);
