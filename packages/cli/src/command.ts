/** The shape of a command, and how its arguments are read. */
import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import { nearest } from '@agentbox/base';
import type { ExitCode, Io } from './io.ts';

export interface Option extends ParseArgsOptionDescriptor {
  readonly help: string;
  /** what stands for the value in the help text */
  readonly value?: string;
}

export interface Parsed {
  readonly positionals: readonly string[];
  text(option: string): string | undefined;
  /** the values of an option that may be given several times */
  texts(option: string): readonly string[];
  flag(option: string): boolean;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** what follows the name, such as `list|attach|kill [SESSION]` */
  readonly synopsis: string;
  /** more to know, as short paragraphs */
  readonly about?: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  run(args: Parsed, io: Io): Promise<ExitCode>;
}

/** Thrown for a command line that cannot be read: exit code 2, with the usage. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const HOME: Option = { type: 'string', value: 'DIR', help: 'home directory (AGENTBOX_HOME; ~/.agentbox)' };
export const JSON_OUT: Option = { type: 'boolean', help: 'machine-readable output' };

export function readArguments(command: Command, args: readonly string[]): Parsed {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { type, short, multiple = false }]) => [
      name,
      short === undefined ? { type, multiple } : { type, multiple, short },
    ]),
  );
  const { values, positionals } = parse(command, args, options);
  return {
    positionals,
    text: (option) => {
      const value = values[option];
      return typeof value === 'string' ? value : undefined;
    },
    texts: (option) => {
      const value = values[option];
      return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
    },
    flag: (option) => values[option] === true,
  };
}

function parse(
  command: Command,
  args: readonly string[],
  options: Readonly<Record<string, ParseArgsOptionDescriptor>>,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (fault) {
    const said = fault instanceof Error ? fault.message : String(fault);
    const unknown = /^Unknown option '(--?[^']+)'/.exec(said)?.[1];
    if (unknown === undefined) throw new UsageError(said.split('. ')[0] ?? said);
    const meant = nearest(unknown.replace(/^-+/, ''), Object.keys(command.options));
    throw new UsageError(`unknown option ${unknown}${meant === undefined ? '' : `; did you mean --${meant}?`}`);
  }
}
