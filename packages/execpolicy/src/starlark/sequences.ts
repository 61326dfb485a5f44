/** Looping over values, indexing and slicing them. */
import { RulesFault } from '../problem.ts';
import type { Budget } from './budget.ts';
import { charsOf } from './characters.ts';
import { hashKey } from './compare.ts';
import { repr } from './text.ts';
import { listOf, rangeLength, tupleOf, typeName, type Value } from './values.ts';

/** The elements to loop over; `held` is the list or dict that must not change meanwhile. */
export function elementsOf(value: Value, budget: Budget): readonly Value[] {
  if (typeof value === 'object' && value !== null) {
    switch (value.kind) {
      case 'list':
      case 'tuple':
      case 'elements':
        return value.items;
      case 'dict':
        budget.make(value.entries.size);
        return [...value.entries.values()].map(([key]) => key);
      case 'range': {
        budget.make(rangeLength(value));
        return Array.from(
          { length: Number(rangeLength(value)) },
          (_, index) => value.start + BigInt(index) * value.step,
        );
      }
      case 'function':
      case 'builtin':
        break;
    }
  }
  const hint = typeof value === 'string' ? 'loop over text.elems(), or put the text in a list' : 'loop over a list';
  throw new RulesFault(`a ${typeName(value)} has no elements to loop over`, hint);
}

/** Runs `work` while the list or dict that is looped over may not change. */
export function whileHeld<T>(value: Value, work: () => T): T {
  if (typeof value !== 'object' || value === null || (value.kind !== 'list' && value.kind !== 'dict')) return work();
  value.loops += 1;
  const result = work();
  value.loops -= 1;
  return result;
}

export function mayChange(value: { readonly kind: string; readonly loops: number }): void {
  if (value.loops > 0)
    throw new RulesFault(`the ${value.kind} changes while a loop runs over it`, 'loop over a copy: list(values)');
}

/** The place that a possibly negative index means; null when there is none. */
export function placeOf(index: Value, length: number): number {
  if (typeof index !== 'bigint')
    throw new RulesFault(`an index is a number, not a ${typeName(index)}`, 'write x[0], or use a dict');
  const place = index < 0n ? index + BigInt(length) : index;
  if (place < 0n || place >= BigInt(length))
    throw new RulesFault(`there is no element ${index}: there are ${length}`, 'the first one is 0, the last one -1');
  return Number(place);
}

export function itemOf(object: Value, index: Value, budget: Budget): Value {
  if (typeof object === 'string') {
    const chars = charsOf(object);
    budget.step(chars.length);
    return chars[placeOf(index, chars.length)] ?? '';
  }
  if (typeof object === 'object' && object !== null) {
    if (object.kind === 'list' || object.kind === 'tuple')
      return object.items[placeOf(index, object.items.length)] ?? null;
    if (object.kind === 'range') {
      const length = rangeLength(object);
      const place = placeOf(index, Number(length));
      return object.start + BigInt(place) * object.step;
    }
    if (object.kind === 'dict') {
      const entry = object.entries.get(hashKey(index));
      if (entry === undefined)
        throw new RulesFault(`the dict has no key ${repr(index, budget)}`, 'ask with dict.get(key, default)');
      return entry[1];
    }
  }
  throw new RulesFault(`a ${typeName(object)} has no elements`, 'index a list, a tuple, a string or a dict');
}

type SliceBounds = readonly [Value, Value, Value];

/** Start, stop and step within `length`, as Python counts them. */
function settle([start, stop, step]: SliceBounds, length: number): readonly [number, number, number] {
  const stride = step === null ? 1n : step;
  if (
    typeof stride !== 'bigint' ||
    (start !== null && typeof start !== 'bigint') ||
    (stop !== null && typeof stop !== 'bigint')
  )
    throw new RulesFault('the bounds of a slice are numbers', 'write x[1:3]');
  if (stride === 0n) throw new RulesFault('the step of a slice is 0', 'use another step');
  const size = BigInt(length);
  const [low, high] = stride > 0n ? [0n, size] : [-1n, size - 1n];
  const place = (bound: bigint | null, otherwise: bigint): number => {
    const from = bound === null ? otherwise : bound < 0n ? bound + size : bound;
    return Number(from < low ? low : from > high ? high : from);
  };
  const most = size + 1n;
  const clamped = stride > most ? most : stride < -most ? -most : stride;
  return [place(start, stride > 0n ? low : high), bound(stop, stride > 0n ? high : low, place), Number(clamped)];
}

/** A missing stop is the end itself, which is no index. */
function bound(stop: bigint | null, end: bigint, place: (bound: bigint | null, otherwise: bigint) => number): number {
  return stop === null ? Number(end) : place(stop, end);
}

function cut<T>(items: readonly T[], bounds: SliceBounds, budget: Budget): T[] {
  const [start, stop, step] = settle(bounds, items.length);
  const out: T[] = [];
  for (let at = start; step > 0 ? at < stop : at > stop; at += step) out.push(...items.slice(at, at + 1));
  budget.make(out.length);
  return out;
}

export function sliceOf(object: Value, bounds: SliceBounds, budget: Budget): Value {
  if (typeof object === 'string') {
    const chars = charsOf(object);
    budget.step(chars.length);
    return cut(chars, bounds, budget).join('');
  }
  if (typeof object === 'object' && object !== null) {
    if (object.kind === 'list') return listOf(cut(object.items, bounds, budget));
    if (object.kind === 'tuple') return tupleOf(cut(object.items, bounds, budget));
    if (object.kind === 'range') {
      const [start, stop, step] = settle(bounds, Number(rangeLength(object)));
      const at = (index: number): bigint => object.start + BigInt(index) * object.step;
      return { kind: 'range', start: at(start), stop: at(stop), step: object.step * BigInt(step) };
    }
  }
  throw new RulesFault(`a ${typeName(object)} cannot be cut`, 'cut a list, a tuple or a string');
}
