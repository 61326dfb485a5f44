/** The binary and unary operators. Nothing is converted: a number never becomes text. */
import { unreachable } from '@agentbox/base';
import { RulesFault } from '../problem.ts';
import type { BinaryOperator, UnaryOperator } from './ast.ts';
import type { Budget } from './budget.ts';
import { compare, equals, hashKey } from './compare.ts';
import { formatPercent } from './format.ts';
import { type DictValue, isTrue, listOf, rangeLength, tupleOf, typeName, type Value } from './values.ts';

type Eager = Exclude<BinaryOperator, 'and' | 'or'>;
type Arithmetic = '+' | '-' | '*' | '&' | '|' | '^' | '<<' | '>>' | '//' | '%';

export function unary(operator: UnaryOperator, operand: Value, budget: Budget): Value {
  if (operator === 'not') return !isTrue(operand);
  if (typeof operand !== 'bigint')
    throw new RulesFault(`\`${operator}\` does not work on a ${typeName(operand)}`, 'it works on numbers');
  if (operator === '+') return operand;
  return budget.number(operator === '-' ? -operand : ~operand);
}

export function binary(operator: Eager, left: Value, right: Value, budget: Budget): Value {
  switch (operator) {
    case '==':
      return equals(left, right, budget);
    case '!=':
      return !equals(left, right, budget);
    case '<':
      return compare(left, right, budget) < 0;
    case '>':
      return compare(left, right, budget) > 0;
    case '<=':
      return compare(left, right, budget) <= 0;
    case '>=':
      return compare(left, right, budget) >= 0;
    case 'in':
      return contains(left, right, budget);
    case 'not in':
      return !contains(left, right, budget);
    case '+':
      return add(left, right, budget);
    case '*':
      return multiply(left, right, budget);
    case '%':
      return typeof left === 'string' ? formatPercent(left, right, budget) : arithmetic(operator, left, right, budget);
    case '|':
      return isDict(left) && isDict(right) ? union(left, right, budget) : arithmetic(operator, left, right, budget);
    case '-':
    case '&':
    case '^':
    case '<<':
    case '>>':
    case '//':
      return arithmetic(operator, left, right, budget);
  }
  return unreachable(operator);
}

const isDict = (value: Value): value is DictValue =>
  typeof value === 'object' && value !== null && value.kind === 'dict';

function mismatch(operator: BinaryOperator, left: Value, right: Value): RulesFault {
  const both = `a ${typeName(left)} and a ${typeName(right)}`;
  return new RulesFault(`\`${operator}\` does not work on ${both}`, 'str(x) makes text of a value');
}

function contains(item: Value, within: Value, budget: Budget): boolean {
  if (typeof within === 'string' && typeof item === 'string') {
    budget.step(1 + Math.floor(within.length / 8));
    return within.includes(item);
  }
  if (typeof within !== 'object' || within === null) throw mismatch('in', item, within);
  switch (within.kind) {
    case 'list':
    case 'tuple':
      return within.items.some((one) => equals(one, item, budget));
    case 'dict':
      return within.entries.has(hashKey(item));
    case 'range': {
      if (typeof item !== 'bigint' || rangeLength(within) === 0n) return false;
      const last = within.start + (rangeLength(within) - 1n) * within.step;
      const [low, high] = within.step > 0n ? [within.start, last] : [last, within.start];
      return item >= low && item <= high && (item - within.start) % within.step === 0n;
    }
    case 'elements':
    case 'function':
    case 'builtin':
      throw mismatch('in', item, within);
  }
  return unreachable(within);
}

function add(left: Value, right: Value, budget: Budget): Value {
  if (typeof left === 'string' && typeof right === 'string') {
    budget.make(left.length + right.length);
    return left + right;
  }
  if (typeof left === 'object' && left !== null && typeof right === 'object' && right !== null) {
    if (left.kind === 'list' && right.kind === 'list') {
      budget.make(left.items.length + right.items.length);
      return listOf([...left.items, ...right.items]);
    }
    if (left.kind === 'tuple' && right.kind === 'tuple') {
      budget.make(left.items.length + right.items.length);
      return tupleOf([...left.items, ...right.items]);
    }
  }
  return arithmetic('+', left, right, budget);
}

function multiply(left: Value, right: Value, budget: Budget): Value {
  if (typeof left === 'bigint' && typeof right !== 'bigint') return repeat(right, left, budget);
  return typeof right === 'bigint' && typeof left !== 'bigint'
    ? repeat(left, right, budget)
    : arithmetic('*', left, right, budget);
}

function repeat(value: Value, times: bigint, budget: Budget): Value {
  const count = times < 0n ? 0n : times;
  if (typeof value === 'string') {
    budget.make(count * BigInt(value.length));
    return value === '' ? '' : value.repeat(Number(count));
  }
  if (typeof value === 'object' && value !== null && (value.kind === 'list' || value.kind === 'tuple')) {
    budget.make(count * BigInt(value.items.length));
    const turns = value.items.length === 0 ? 0 : Number(count);
    const items = Array.from({ length: turns }, () => value.items).flat();
    return value.kind === 'list' ? listOf(items) : tupleOf(items);
  }
  throw mismatch('*', value, times);
}

function union(left: DictValue, right: DictValue, budget: Budget): DictValue {
  budget.make(left.entries.size + right.entries.size);
  return { kind: 'dict', entries: new Map([...left.entries, ...right.entries]), loops: 0 };
}

function arithmetic(operator: Arithmetic, left: Value, right: Value, budget: Budget): bigint {
  if (typeof left !== 'bigint' || typeof right !== 'bigint') throw mismatch(operator, left, right);
  return budget.number(calculate(operator, left, right));
}

function calculate(operator: Arithmetic, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '<<':
    case '>>':
      return shift(operator, left, right);
    case '//':
    case '%':
      return divide(operator, left, right);
  }
  return unreachable(operator);
}

function shift(operator: '<<' | '>>', left: bigint, right: bigint): bigint {
  if (right < 0n) throw new RulesFault('a shift by a negative number', 'shift the other way');
  if (operator === '>>') return left >> right;
  // A shift this far is refused by its result's size; it is not worth making first.
  return left << (right > 65_536n ? 65_536n : right);
}

/** Rounds down, so that the rest has the sign of the divisor. */
function divide(operator: '//' | '%', left: bigint, right: bigint): bigint {
  if (right === 0n) throw new RulesFault('a division by 0', 'test the divisor first');
  const rest = left % right;
  const isUneven = rest !== 0n && rest < 0n !== right < 0n;
  if (operator === '%') return isUneven ? rest + right : rest;
  return isUneven ? left / right - 1n : left / right;
}
