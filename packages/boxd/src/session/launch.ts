/**
 * Turns a spawn request into a program, its arguments and its directory, or names what is missing. Reads the file
 * system, starts nothing, substitutes nothing.
 */
import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AgentboxError, type SpawnRequest } from '@agentbox/protocol';
import type { Environment } from './environment.ts';

export interface Program {
  readonly path: string;
  readonly argv: readonly string[];
  /** on a terminal, so that what shall be kept outlives its hangup */
  readonly ignoresHangup?: boolean;
}

/** Linux refuses a single argument of 128 KiB or more; the rest of the command line is counted too. */
const ARGUMENT_BYTES = 128 * 1024 - 1;

export function checkRequest(request: SpawnRequest): void {
  const texts = [
    request.cwd,
    ...(request.command.kind === 'shell' ? [request.command.text, request.command.shell ?? ''] : request.command.argv),
    ...Object.entries(request.env).flat(),
  ];
  if (texts.some((text) => text.includes('\0'))) {
    throw new AgentboxError('INVALID_ARGUMENTS', 'a command, directory or variable holds a NUL byte');
  }
  if (Object.keys(request.env).some((name) => name.includes('='))) {
    throw new AgentboxError('INVALID_ARGUMENTS', 'the name of a variable holds "="');
  }
  // A sandbox has directories of its own: its plan finds what is wrong with one.
  if (request.profile === null) checkDirectory(request.cwd);
}

function checkDirectory(cwd: string): void {
  if (!path.isAbsolute(cwd)) {
    throw new AgentboxError('WORKDIR_NOT_FOUND', `the working directory ${cwd} is not absolute`, { path: cwd });
  }
  if (isDirectory(cwd)) return;
  let nearest = path.dirname(cwd);
  while (!isDirectory(nearest)) nearest = path.dirname(nearest);
  const why = existsAt(cwd)
    ? `is not a directory; the nearest directory is ${nearest}`
    : `does not exist; the nearest that does is ${nearest}`;
  throw new AgentboxError('WORKDIR_NOT_FOUND', `the working directory ${cwd} ${why}`, {
    path: cwd,
    nearest,
  });
}

/** Where a command too long for an argument is written, and the path by which its shell finds it. */
export interface ScriptPlace {
  readonly writtenTo: string;
  readonly seenAs: string;
}

export function resolveProgram(
  request: SpawnRequest,
  environment: Environment,
  defaultShell: string,
  script: ScriptPlace,
): Program {
  const { command } = request;
  if (command.kind === 'argv') return resolveArgv(command.argv, request.cwd, environment);
  const shell = command.shell ?? defaultShell;
  const found = findProgram(shell, request.cwd, environment);
  if (found === undefined) {
    throw new AgentboxError('SHELL_NOT_FOUND', `the shell ${shell} is not installed or not executable`, { shell });
  }
  if (Buffer.byteLength(command.text) <= ARGUMENT_BYTES) return { path: found, argv: [found, '-c', command.text] };
  writeFileSync(script.writtenTo, command.text, { mode: 0o600 });
  return { path: found, argv: [found, script.seenAs] };
}

function resolveArgv(argv: readonly string[], cwd: string, environment: Environment): Program {
  const name = argv[0] ?? '';
  if (argv.some((argument) => Buffer.byteLength(argument) > ARGUMENT_BYTES)) {
    throw new AgentboxError('COMMAND_TOO_LARGE', `an argument is longer than ${ARGUMENT_BYTES} bytes`, {
      limit: ARGUMENT_BYTES,
    });
  }
  const found = findProgram(name, cwd, environment);
  if (found === undefined) {
    throw new AgentboxError(
      'SPAWN_FAILED',
      `the program ${name === '' ? '""' : name} was not found or is not executable`,
      {
        program: name,
      },
    );
  }
  return { path: found, argv };
}

/** A name without a slash is looked up in PATH; one with a slash is taken from the working directory. */
export function findProgram(name: string, cwd: string, environment: Environment): string | undefined {
  if (name === '') return undefined;
  if (name.includes('/')) {
    const whole = path.resolve(cwd, name);
    return isExecutable(whole) ? whole : undefined;
  }
  return (environment['PATH'] ?? '')
    .split(':')
    .map((directory) => path.resolve(cwd, directory, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isDirectory(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    return false;
  }
}

const existsAt = (file: string): boolean => {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
};
