/** The methods of lists and dicts. None changes what a loop runs over. */
import { RulesFault } from '../problem.ts';
import { take, wantNumber } from './arguments.ts';
import type { Budget } from './budget.ts';
import { equals, hashKey } from './compare.ts';
import { elementsOf, mayChange, placeOf } from './sequences.ts';
import type { Method } from './string-methods.ts';
import { repr } from './text.ts';
import { type DictValue, type ListValue, listOf, tupleOf, type Value } from './values.ts';

function placeOfValue(list: ListValue, value: Value, budget: Budget): number {
  const place = list.items.findIndex((item) => equals(item, value, budget));
  if (place === -1) throw new RulesFault(`${repr(value, budget)} is not in the list`, 'ask with `in` first');
  return place;
}

const insert: Method<ListValue> = (self, given, budget) => {
  const [place, value = null] = take('insert', given, ['index', 'value', '/']);
  mayChange(self);
  budget.make(1);
  budget.step(self.items.length);
  const asked = wantNumber('insert', 'index', place);
  const at = asked < 0n ? asked + BigInt(self.items.length) : asked;
  const size = BigInt(self.items.length);
  self.items.splice(Number(at < 0n ? 0n : at > size ? size : at), 0, value);
  return null;
};

const popList: Method<ListValue> = (self, given, budget) => {
  const [place = -1n] = take('pop', given, ['index?', '/']);
  mayChange(self);
  budget.step(self.items.length);
  return self.items.splice(placeOf(place, self.items.length), 1)[0] ?? null;
};

const index: Method<ListValue> = (self, given, budget) => {
  const [value = null, start, end] = take('index', given, ['value', 'start?', 'end?', '/']);
  if (start === undefined && end === undefined) return BigInt(placeOfValue(self, value, budget));
  throw new RulesFault('index() with bounds', 'cut the list first: values[1:].index(x)');
};

export const LIST_METHODS: Readonly<Record<string, Method<ListValue>>> = {
  append: (self, given, budget) => {
    const [value = null] = take('append', given, ['value', '/']);
    mayChange(self);
    budget.make(1);
    self.items.push(value);
    return null;
  },
  clear: (self, given) => {
    take('clear', given, []);
    mayChange(self);
    self.items.length = 0;
    return null;
  },
  extend: (self, given, budget) => {
    extendList(self, take('extend', given, ['values', '/'])[0] ?? null, budget);
    return null;
  },
  index,
  insert,
  pop: popList,
  remove: (self, given, budget) => {
    const [value = null] = take('remove', given, ['value', '/']);
    mayChange(self);
    self.items.splice(placeOfValue(self, value, budget), 1);
    return null;
  },
};

export function extendList(list: ListValue, values: Value, budget: Budget): void {
  mayChange(list);
  const added = [...elementsOf(values, budget)];
  budget.make(added.length);
  for (const value of added) list.items.push(value);
}

export function putEntry(dict: DictValue, key: Value, value: Value, budget: Budget): void {
  mayChange(dict);
  const hash = hashKey(key);
  budget.make(1 + hash.length);
  dict.entries.set(hash, [dict.entries.get(hash)?.[0] ?? key, value]);
}

/** Pairs of a dict, or of a list of pairs. */
export function putAll(dict: DictValue, from: Value, budget: Budget): void {
  mayChange(dict);
  const isDict = typeof from === 'object' && from !== null && from.kind === 'dict';
  const pairs = isDict
    ? [...from.entries.values()]
    : elementsOf(from, budget).map((pair) => {
        const parts = elementsOf(pair, budget);
        if (parts.length !== 2) throw new RulesFault('an entry is no pair of key and value', 'give [(key, value)]');
        return [parts[0] ?? null, parts[1] ?? null] as const;
      });
  for (const [key, value] of pairs) putEntry(dict, key, value, budget);
}

function without(dict: DictValue, key: Value): Value | undefined {
  mayChange(dict);
  const hash = hashKey(key);
  const entry = dict.entries.get(hash);
  dict.entries.delete(hash);
  return entry?.[1];
}

const popDict: Method<DictValue> = (self, given, budget) => {
  const [key = null, otherwise] = take('pop', given, ['key', 'default?', '/']);
  const value = without(self, key);
  const found = value === undefined ? otherwise : value;
  if (found === undefined)
    throw new RulesFault(`the dict has no key ${repr(key, budget)}`, 'give a second value for it');
  return found;
};

export const DICT_METHODS: Readonly<Record<string, Method<DictValue>>> = {
  clear: (self, given) => {
    take('clear', given, []);
    mayChange(self);
    self.entries.clear();
    return null;
  },
  get: (self, given) => {
    const [key = null, otherwise = null] = take('get', given, ['key', 'default?', '/']);
    const entry = self.entries.get(hashKey(key));
    return entry === undefined ? otherwise : entry[1];
  },
  items: (self, given, budget) => {
    take('items', given, []);
    budget.make(3 * self.entries.size);
    return listOf([...self.entries.values()].map(([key, value]) => tupleOf([key, value])));
  },
  keys: (self, given, budget) => {
    take('keys', given, []);
    return listOf([...elementsOf(self, budget)]);
  },
  pop: popDict,
  popitem: (self, given) => {
    take('popitem', given, []);
    const [first] = self.entries.values();
    if (first === undefined) throw new RulesFault('the dict is empty', 'ask with len() first');
    without(self, first[0]);
    return tupleOf(first);
  },
  setdefault: (self, given, budget) => {
    const [key = null, value = null] = take('setdefault', given, ['key', 'default?', '/']);
    const entry = self.entries.get(hashKey(key));
    if (entry !== undefined) return entry[1];
    putEntry(self, key, value, budget);
    return value;
  },
  update: (self, given, budget) => {
    const { positional, named } = given;
    if (positional.length > 1) throw new RulesFault('update() takes one dict', 'call it once for each');
    if (positional[0] !== undefined) putAll(self, positional[0], budget);
    for (const [key, value] of named) putEntry(self, key, value, budget);
    return null;
  },
  values: (self, given, budget) => {
    take('values', given, []);
    budget.make(self.entries.size);
    return listOf([...self.entries.values()].map(([, value]) => value));
  },
};
