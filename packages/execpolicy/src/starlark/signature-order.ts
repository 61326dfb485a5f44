/** The order in which parameters and arguments may stand, and that no name stands twice. */
import { type Position, RulesFault } from '../problem.ts';
import type { Argument, Parameter } from './ast.ts';

const ORDER: Readonly<Record<Argument['kind'], number>> = { positional: 0, named: 1, rest: 2, 'named-rest': 3 };

export function argumentsFault(args: readonly Argument[], places: readonly Position[]): RulesFault | null {
  const names = new Set<string>();
  let last: Argument['kind'] = 'positional';
  for (const [index, { kind, name }] of args.entries()) {
    const at = places[index] ?? null;
    const isAgain = kind === last && ORDER[kind] > 1;
    if (ORDER[kind] < ORDER[last] || isAgain)
      return new RulesFault(
        'an argument in the wrong place',
        'first values, then name=value, then *list, then **dict, the last two once',
        at,
      );
    if (kind === 'named' && names.has(name))
      return new RulesFault(`the argument \`${name}\` stands twice`, 'give it once', at);
    names.add(name);
    last = kind;
  }
  return null;
}

export function parametersFault(parameters: readonly Parameter[]): RulesFault | null {
  const names = new Set<string>();
  let stage: 'plain' | 'fallback' | 'named' | 'end' = 'plain';
  for (const { kind, name, fallback, at } of parameters) {
    const hint = 'first names, then name=value, then *name, then **name';
    if (kind !== 'separator' && names.has(name))
      return new RulesFault(`the parameter \`${name}\` stands twice`, 'rename one of them', at);
    names.add(name);
    const isLate = stage === 'end' || (stage === 'named' && (kind === 'rest' || kind === 'separator'));
    if (isLate) return new RulesFault('a parameter in the wrong place', hint, at);
    if (kind === 'plain' && stage === 'fallback' && fallback === null)
      return new RulesFault('a parameter without a value behind one with a value', hint, at);
    if (kind === 'plain' && stage === 'plain' && fallback !== null) stage = 'fallback';
    if (kind === 'rest' || kind === 'separator') stage = 'named';
    if (kind === 'named-rest') stage = 'end';
  }
  const last = parameters.at(-1);
  if (last?.kind !== 'separator') return null;
  return new RulesFault(
    'nothing follows the `*`',
    'name the parameters that are given by name, or leave it out',
    last.at,
  );
}
