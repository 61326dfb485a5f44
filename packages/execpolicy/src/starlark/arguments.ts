/** Takes the arguments of a builtin apart: by place or by name, none missing, none left over. */
import { RulesFault } from '../problem.ts';
import { type BuiltinValue, type FunctionValue, type Given, type ListValue, typeName, type Value } from './values.ts';

/**
 * `names` in order; `name?` may be left out, `=name` is given by name only, and names before a `/` by place only.
 * What is left out is undefined.
 */
export function take(callee: string, given: Given, names: readonly string[]): readonly (Value | undefined)[] {
  const separator = names.indexOf('/');
  const parameters = names.filter((name) => name !== '/').map(readParameter);
  const places = parameters.filter(({ isNamed }) => !isNamed).length;
  if (given.positional.length > places)
    throw new RulesFault(`${callee}() takes at most ${places} values by place`, 'leave out the last ones');
  const known = new Set(parameters.slice(Math.max(separator, 0)).map(({ name }) => name));
  for (const name of given.named.keys()) {
    if (!known.has(name))
      throw new RulesFault(`${callee}() has no parameter \`${name}\``, knownHint(callee, parameters));
  }
  return parameters.map(({ name, isOptional, isNamed }, index) => {
    const placed = isNamed ? undefined : given.positional[index];
    const named = given.named.get(name);
    if (placed !== undefined && named !== undefined)
      throw new RulesFault(`${callee}() gets \`${name}\` twice`, 'give it by place or by name');
    // None is a value: only what is undefined is missing.
    const found = placed === undefined ? named : placed;
    if (found === undefined && !isOptional)
      throw new RulesFault(`${callee}() lacks \`${name}\``, knownHint(callee, parameters));
    return found;
  });
}

interface BuiltinParameter {
  readonly name: string;
  readonly isOptional: boolean;
  readonly isNamed: boolean;
}

function readParameter(text: string): BuiltinParameter {
  return {
    name: text.replaceAll(/^=|\?$/g, ''),
    isOptional: text.endsWith('?'),
    isNamed: text.startsWith('='),
  };
}

const knownHint = (callee: string, parameters: readonly BuiltinParameter[]): string =>
  `it is called ${callee}(${parameters.map(({ name, isOptional }) => (isOptional ? `${name}=…` : name)).join(', ')})`;

export function wantText(callee: string, name: string, value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw wrongType(callee, name, 'a string', value);
}

export function wantNumber(callee: string, name: string, value: Value | undefined): bigint {
  if (typeof value === 'bigint') return value;
  throw wrongType(callee, name, 'a number', value);
}

/** Left out means False. */
export function wantFlag(callee: string, name: string, value: Value | undefined): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw wrongType(callee, name, 'True or False', value);
}

export function wantList(callee: string, name: string, value: Value | undefined): ListValue {
  if (typeof value === 'object' && value !== null && value.kind === 'list') return value;
  throw wrongType(callee, name, 'a list', value);
}

export function wantCallable(callee: string, name: string, value: Value | undefined): FunctionValue | BuiltinValue {
  if (typeof value === 'object' && value !== null && (value.kind === 'function' || value.kind === 'builtin'))
    return value;
  throw wrongType(callee, name, 'a function', value);
}

export function wrongType(callee: string, name: string, wanted: string, value: Value | undefined): RulesFault {
  const got = value === undefined ? 'nothing' : `a ${typeName(value)}`;
  return new RulesFault(`\`${name}\` of ${callee}() is ${got}`, `give ${wanted}`);
}
