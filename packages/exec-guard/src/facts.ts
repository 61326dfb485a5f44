/**
 * The facts of one program as the warden tells them, checked by hand: this runs for every program that starts, and a
 * schema would cost more than all that is then decided. The fuzz target of the line holds it against such a schema.
 */
import type { ExecFacts, Interpreter, ProgramName } from '@agentbox/protocol';

export interface GuardFacts extends ExecFacts {
  /** the argument list goes on; only in what is reported, never in what is asked */
  readonly truncated: boolean;
}

/** What is told of a program that ran without a question. */
export type RanFacts = Pick<GuardFacts, 'pid' | 'file' | 'argv' | 'cwd' | 'truncated'>;

const PATH_CHARS = 16 * 1024;
const ARGUMENT_CHARS = 4096;
const MAX_NAMES = 48;
const MAX_INTERPRETERS = 4;
const MAX_ARGUMENTS = 4 * 1024 * 1024;
const MAX_REPORTED_ARGUMENTS = 4096;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** of a process or a question */
export const isId = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

const isSize = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0;

const isText = (value: unknown, most: number): value is string => typeof value === 'string' && value.length <= most;

const isPath = (value: unknown): value is string => isText(value, PATH_CHARS);

function isName(value: unknown): value is ProgramName {
  return isRecord(value) && isPath(value['path']) && typeof value['writable'] === 'boolean';
}

function areNames(value: unknown): value is readonly ProgramName[] {
  return Array.isArray(value) && value.length >= 1 && value.length <= MAX_NAMES && value.every(isName);
}

function isInterpreter(value: unknown): value is Interpreter {
  if (!isRecord(value) || !isName(value)) return false;
  const { written, argument, names } = value;
  return isPath(written) && (argument === undefined || isText(argument, ARGUMENT_CHARS)) && areNames(names);
}

function isImage(value: unknown): value is ExecFacts['image'] {
  if (!isRecord(value)) return false;
  const { kind, device, inode, size } = value;
  return (kind === 'file' || kind === 'memfd' || kind === 'deleted') && isSize(device) && isSize(inode) && isSize(size);
}

function isShort(value: unknown, mostArguments: number): value is RanFacts {
  if (!isRecord(value)) return false;
  const { pid, file, cwd, argv, truncated } = value;
  if (!isId(pid) || !isPath(file) || !isPath(cwd) || typeof truncated !== 'boolean') return false;
  return Array.isArray(argv) && argv.length <= mostArguments && argv.every((word) => typeof word === 'string');
}

export const isRan = (value: unknown): value is RanFacts => isShort(value, MAX_REPORTED_ARGUMENTS);

export function isFacts(value: unknown): value is GuardFacts {
  if (!isRecord(value)) return false;
  const { names, interpreters, image } = value;
  if (!isShort(value, MAX_ARGUMENTS)) return false;
  if (!areNames(names) || !isImage(image) || !Array.isArray(interpreters)) return false;
  return interpreters.length <= MAX_INTERPRETERS && interpreters.every(isInterpreter);
}
