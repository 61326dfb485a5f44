/** Parses the arguments of a tool; what is wrong is named: which argument, what came, what is wanted. Pure. */
import { nearest, unreachable } from '@agentbox/base';
import type { z } from 'zod';
import { MACHINE_INPUTS, type MachineToolName } from './machine-tools.ts';

export type ParsedArguments<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'wrong'; readonly why: string };

type Issue = z.core.$ZodIssue;

const MAX_ISSUES = 5;

export function parseToolArguments<Name extends MachineToolName>(
  tool: Name,
  given: Readonly<Record<string, unknown>>,
): ParsedArguments<z.output<(typeof MACHINE_INPUTS)[Name]>>;
export function parseToolArguments(
  tool: MachineToolName,
  given: Readonly<Record<string, unknown>>,
): ParsedArguments<unknown> {
  const schema = MACHINE_INPUTS[tool];
  const parsed = schema.safeParse(withoutNulls(given, schema));
  if (parsed.success) return { kind: 'ok', value: parsed.data };
  const known = Object.keys(schema.shape);
  const reasons = new Set(parsed.error.issues.slice(0, 10 * MAX_ISSUES).map((issue) => explain(issue, given, known)));
  return { kind: 'wrong', why: `${tool}: ${[...reasons].slice(0, MAX_ISSUES).join('; ')}` };
}

/** Clients that must name every argument write null for those they leave out. */
function withoutNulls(
  given: Readonly<Record<string, unknown>>,
  schema: z.ZodObject,
): Readonly<Record<string, unknown>> {
  const absent = (key: string): boolean =>
    given[key] === null && schema.shape[key]?.safeParse(undefined).success === true;
  return Object.fromEntries(Object.entries(given).filter(([key]) => !absent(key)));
}

function explain(issue: Issue, given: unknown, known: readonly string[]): string {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => explainUnknown(key, known)).join('; ');
  const value = valueAt(given, issue.path);
  const name = issue.path.map(String).join('.');
  if (value === undefined) return `argument "${name}" is missing; it must be ${wanted(issue)}`;
  return `argument "${name}" must be ${wanted(issue)}, not ${show(value)}`;
}

function explainUnknown(key: string, known: readonly string[]): string {
  const meant = ALIASES[key]?.find((name) => known.includes(name)) ?? nearest(key, known);
  const hint =
    meant !== undefined && known.includes(meant)
      ? `did you mean "${meant}"?`
      : known.length === 0
        ? 'it takes none'
        : `it takes ${known.join(', ')}`;
  return `unknown argument "${key.slice(0, 64)}"; ${hint}`;
}

/** What other tools call the same thing. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  command: ['cmd'],
  script: ['cmd', 'command'],
  cwd: ['workdir'],
  directory: ['workdir'],
  timeout: ['yield_time_ms', 'timeout_ms'],
  timeout_ms: ['yield_time_ms'],
  yield_time_ms: ['timeout_ms'],
  cmd: ['command'],
  input: ['chars'],
  text: ['chars'],
  id: ['session_id'],
  session: ['session_id'],
  name: ['skill'],
  regex: ['pattern'],
};

function wanted(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? issue.expected;
    case 'too_small':
      return `at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_key':
      return 'an object whose names have 1 to 1024 characters';
    case 'invalid_element':
    case 'invalid_union':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'custom':
      return issue.message;
    default:
      return unreachable(issue);
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object of texts',
};

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' items' : '';
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    given,
  );
}

/** Long texts are told by their length: they may hold a secret and say nothing about the mistake. */
function show(value: unknown): string {
  if (typeof value === 'string')
    return value.length <= 40 ? `the text ${JSON.stringify(value)}` : `a text of ${value.length} characters`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value !== null && typeof value === 'object') return 'an object';
  return typeof value === 'number' ? `the number ${value}` : String(value);
}
