/** Arguments to the parameters of a function that the file defines. */
import { RulesFault } from '../problem.ts';
import type { Budget } from './budget.ts';
import { putEntry } from './collection-methods.ts';
import { emptyDict, type FunctionValue, type Given, tupleOf, type Value } from './values.ts';

export function bindParameters(callee: FunctionValue, given: Given, budget: Budget): ReadonlyMap<string, Value> {
  const bound = new Map<string, Value>();
  const left = new Map(given.named);
  let place = 0;
  let byPlace = true;
  for (const { kind, name } of callee.node.parameters) {
    if (kind === 'separator') byPlace = false;
    else if (kind === 'rest') {
      bound.set(name, tupleOf(given.positional.slice(place)));
      budget.make(Math.max(0, given.positional.length - place));
      place = given.positional.length;
      byPlace = false;
    } else if (kind === 'plain') {
      const placed = byPlace ? given.positional[place] : undefined;
      if (byPlace) place += 1;
      bound.set(name, chosen(callee, name, placed, left));
    } else {
      const rest = emptyDict();
      for (const [key, value] of left) putEntry(rest, key, value, budget);
      left.clear();
      bound.set(name, rest);
    }
  }
  if (place < given.positional.length)
    throw new RulesFault(
      `${callee.name}() takes ${place} values by place, not ${given.positional.length}`,
      callHint(callee),
    );
  const [extra] = left.keys();
  if (extra !== undefined) throw new RulesFault(`${callee.name}() has no parameter \`${extra}\``, callHint(callee));
  return bound;
}

function chosen(callee: FunctionValue, name: string, placed: Value | undefined, left: Map<string, Value>): Value {
  const named = left.get(name);
  left.delete(name);
  if (placed !== undefined && named !== undefined)
    throw new RulesFault(`${callee.name}() gets \`${name}\` twice`, 'give it by place or by name');
  const value = placed === undefined ? named : placed;
  const settled = value === undefined ? callee.fallbacks.get(name) : value;
  if (settled === undefined) throw new RulesFault(`${callee.name}() lacks \`${name}\``, callHint(callee));
  return settled;
}

function callHint({ name, node }: FunctionValue): string {
  const marks = { plain: '', rest: '*', separator: '*', 'named-rest': '**' } as const;
  return `it is called ${name}(${node.parameters.map((one) => marks[one.kind] + one.name).join(', ')})`;
}
