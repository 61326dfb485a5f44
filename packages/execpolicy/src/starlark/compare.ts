/** Equality, order and the keys of dicts. Values of different types are never equal, and have no order. */
import { BOUNDS } from '../bounds.ts';
import { RulesFault } from '../problem.ts';
import type { Budget } from './budget.ts';
import { tooDeep } from './text.ts';
import { rangeLength, typeName, type Value } from './values.ts';

export function equals(left: Value, right: Value, budget: Budget, depth = 0): boolean {
  budget.step();
  if (depth > BOUNDS.valueDepth) throw tooDeep();
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return left === right;
  if (left === right) return true;
  if ((left.kind === 'list' && right.kind === 'list') || (left.kind === 'tuple' && right.kind === 'tuple')) {
    if (left.items.length !== right.items.length) return false;
    return left.items.every((item, index) => equals(item, right.items[index] ?? null, budget, depth + 1));
  }
  if (left.kind === 'dict' && right.kind === 'dict') {
    if (left.entries.size !== right.entries.size) return false;
    for (const [key, [, value]] of left.entries) {
      const other = right.entries.get(key);
      if (other === undefined || !equals(value, other[1], budget, depth + 1)) return false;
    }
    return true;
  }
  if (left.kind !== 'range' || right.kind !== 'range') return false;
  const length = rangeLength(left);
  if (length !== rangeLength(right)) return false;
  return length === 0n || (left.start === right.start && (length === 1n || left.step === right.step));
}

/** Below, at or above zero. */
export function compare(left: Value, right: Value, budget: Budget, depth = 0): number {
  budget.step();
  if (depth > BOUNDS.valueDepth) throw tooDeep();
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right);
  if (typeof left === 'bigint' && typeof right === 'bigint') return left < right ? -1 : Number(left > right);
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object')
    throw noOrder(left, right);
  if (!((left.kind === 'list' && right.kind === 'list') || (left.kind === 'tuple' && right.kind === 'tuple')))
    throw noOrder(left, right);
  for (const [index, item] of left.items.entries()) {
    const other = right.items[index];
    if (other === undefined) return 1;
    const order = compare(item, other, budget, depth + 1);
    if (order !== 0) return order;
  }
  return left.items.length - right.items.length;
}

/** By code points: UTF-16 puts surrogate pairs before U+E000. */
function compareText(left: string, right: string): number {
  for (let at = 0; at < left.length && at < right.length; ) {
    const [a, b] = [left.codePointAt(at) ?? 0, right.codePointAt(at) ?? 0];
    if (a !== b) return a - b;
    at += a > 0xffff ? 2 : 1;
  }
  return left.length - right.length;
}

const noOrder = (left: Value, right: Value): RulesFault =>
  new RulesFault(
    `${typeName(left)} and ${typeName(right)} have no order`,
    'compare strings with strings, numbers with numbers',
  );

/** Equal for equal keys, different for different ones. */
export function hashKey(value: Value, depth = 0): string {
  if (depth > BOUNDS.valueDepth) throw tooDeep();
  if (value === null) return 'n';
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (typeof value === 'bigint') return `i${value}`;
  if (typeof value === 'string') return `s${value.length}:${value}`;
  if (value.kind === 'tuple') return `(${value.items.map((item) => hashKey(item, depth + 1)).join(',')})`;
  throw new RulesFault(`a ${typeName(value)} cannot be a key`, 'use a string, a number or a tuple of them');
}
