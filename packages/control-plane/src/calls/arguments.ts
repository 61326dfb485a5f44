/** What every tool's arguments must be before a provider parses them: an object, not too deep, not too long. Pure. */
import type { CallLimits } from './limits.ts';

export type ParsedArguments =
  | { readonly kind: 'ok'; readonly value: Readonly<Record<string, unknown>>; readonly json: string }
  | { readonly kind: 'invalid'; readonly why: string };

const nameOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;

/** Left out means no arguments. `json` is the text that was measured, for the record. */
export function parseArguments(given: unknown, limits: CallLimits): ParsedArguments {
  const value = given ?? {};
  if (!isObject(value)) return { kind: 'invalid', why: `arguments must be an object, not ${nameOf(value)}` };
  if (deeperThan(value, limits.argumentDepth)) {
    return { kind: 'invalid', why: `arguments are nested deeper than ${limits.argumentDepth} levels` };
  }
  const json = JSON.stringify(value);
  if (json.length > limits.argumentChars) {
    return {
      kind: 'invalid',
      why: `arguments have ${json.length} characters, at most ${limits.argumentChars} are taken`,
    };
  }
  return { kind: 'ok', value, json };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Walks level by level, so that no input can exhaust the stack. */
function deeperThan(root: object, levels: number): boolean {
  let level: readonly object[] = [root];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > levels) return true;
    level = level.flatMap((parent) =>
      Object.values(parent).filter((child) => typeof child === 'object' && child !== null),
    );
  }
  return false;
}
