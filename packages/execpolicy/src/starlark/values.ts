/** The values of a rule file. Lists and dicts change; everything else does not. */
import { unreachable } from '@agentbox/base';
import type { Definition, Lambda } from './ast.ts';

export interface ListValue {
  readonly kind: 'list';
  readonly items: Value[];
  /** loops that run over it: it must not change meanwhile */
  loops: number;
}

export interface TupleValue {
  readonly kind: 'tuple';
  readonly items: readonly Value[];
}

export interface DictValue {
  readonly kind: 'dict';
  /** by hashKey() of the key, in the order of insertion */
  readonly entries: Map<string, readonly [key: Value, value: Value]>;
  loops: number;
}

export interface RangeValue {
  readonly kind: 'range';
  readonly start: bigint;
  readonly stop: bigint;
  readonly step: bigint;
}

/** What elems() gives: it can be looped over, and nothing else. */
interface ElementsValue {
  readonly kind: 'elements';
  readonly items: readonly Value[];
}

/** Where names are looked up and assigned. */
export interface Environment {
  get(name: string): Value;
  set(name: string, value: Value): void;
}

export interface FunctionValue {
  readonly kind: 'function';
  readonly name: string;
  readonly node: Definition | Lambda;
  readonly fallbacks: ReadonlyMap<string, Value>;
  readonly scope: Environment;
}

export interface Given {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

export interface BuiltinValue {
  readonly kind: 'builtin';
  readonly name: string;
  readonly run: (given: Given) => Value;
}

export type Value =
  | null
  | boolean
  | bigint
  | string
  | ListValue
  | TupleValue
  | DictValue
  | RangeValue
  | ElementsValue
  | FunctionValue
  | BuiltinValue;

export const listOf = (items: Value[]): ListValue => ({ kind: 'list', items, loops: 0 });
export const tupleOf = (items: readonly Value[]): TupleValue => ({ kind: 'tuple', items });
export const emptyDict = (): DictValue => ({ kind: 'dict', entries: new Map(), loops: 0 });

/** The name of the type, as type() gives it. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  return typeof value === 'string' ? 'string' : COMPOUND[value.kind];
}

const COMPOUND = {
  list: 'list',
  tuple: 'tuple',
  dict: 'dict',
  range: 'range',
  elements: 'iterator',
  function: 'function',
  builtin: 'function',
} as const;

export function isTrue(value: Value): boolean {
  if (value === null || typeof value !== 'object')
    return value !== null && value !== '' && value !== 0n && value !== false;
  switch (value.kind) {
    case 'list':
    case 'tuple':
      return value.items.length > 0;
    case 'dict':
      return value.entries.size > 0;
    case 'range':
      return rangeLength(value) > 0n;
    case 'elements':
    case 'function':
    case 'builtin':
      return true;
  }
  return unreachable(value);
}

export function rangeLength({ start, stop, step }: RangeValue): bigint {
  const span = step > 0n ? stop - start : start - stop;
  const size = step > 0n ? step : -step;
  return span <= 0n ? 0n : (span + size - 1n) / size;
}
