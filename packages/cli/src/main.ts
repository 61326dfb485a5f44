/** The command line: finds the command, loads only its file, and turns what comes back into an exit code. */
import { nearest } from '@agentbox/base';
import { VERSION } from '@agentbox/protocol';
import { type Command, readArguments, UsageError } from './command.ts';
import { EXIT, type ExitCode, type Io, processIo } from './io.ts';
import { showFailure } from './terminal/failure.ts';
import { type Entry, showCommandHelp, showHelp, usageOf } from './terminal/help.ts';
import { screenOn } from './terminal/screen.ts';

interface Route extends Entry {
  readonly load: () => Promise<Command>;
}

const ROUTES: readonly Route[] = [
  {
    name: 'up',
    group: 'Run',
    summary: 'start agentbox here and show how to connect',
    load: async () => (await import('./commands/up.ts')).up,
  },
  {
    name: 'down',
    group: 'Run',
    summary: 'stop the server and the box, with everything that runs in it',
    load: async () => (await import('./commands/down.ts')).down,
  },
  {
    name: 'status',
    group: 'Run',
    summary: 'show whether agentbox runs, and where',
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'doctor',
    group: 'Run',
    summary: 'check this machine and say how to fix what is wrong',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'attack-me',
    group: 'Run',
    summary: 'attack this install in every known way and say what held',
    load: async () => (await import('./commands/attack-me.ts')).attackMe,
  },
  {
    name: 'install',
    group: 'Run',
    summary: 'write a systemd user unit',
    load: async () => (await import('./commands/install.ts')).install,
  },
  {
    name: 'connect',
    group: 'Connect',
    summary: 'show or write the configuration of a client',
    load: async () => (await import('./commands/connect.ts')).connect,
  },
  {
    name: 'token',
    group: 'Connect',
    summary: 'show the token, or replace it',
    load: async () => (await import('./commands/token.ts')).token,
  },
  {
    name: 'expose',
    group: 'Connect',
    summary: 'give this machine a public https address',
    load: async () => (await import('./commands/expose.ts')).expose,
  },
  {
    name: 'stdio',
    group: 'Connect',
    summary: 'speak MCP over standard input and output',
    load: async () => (await import('./commands/stdio.ts')).stdio,
  },
  {
    name: 'sessions',
    group: 'Watch',
    summary: 'list the terminals of agents, look into one, end one',
    load: async () => (await import('./commands/sessions.ts')).sessions,
  },
  {
    name: 'approvals',
    group: 'Watch',
    summary: 'see what waits for a person, and answer it',
    load: async () => (await import('./commands/approvals.ts')).approvals,
  },
  {
    name: 'logs',
    group: 'Watch',
    summary: 'read the record of what was asked and done',
    load: async () => (await import('./commands/logs.ts')).logs,
  },
  {
    name: 'policy',
    group: 'Tools',
    summary: 'check rule files, and what they say about a command',
    load: async () => (await import('./commands/policy.ts')).policy,
  },
  {
    name: 'apply-patch',
    group: 'Tools',
    summary: 'apply a patch from standard input',
    load: async () => (await import('./commands/patch.ts')).patch,
  },
];

/** `root` is where agentbox is installed: launch.mjs knows it. */
export async function main(argv: readonly string[], root: string): Promise<void> {
  // Whoever read a pipe may leave: what is still written then goes nowhere, and a running server goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.exitCode = await runCli(argv, processIo(root));
}

export async function runCli(argv: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === '--version' || name === '-V') {
    io.stdout.write(`agentbox ${VERSION}\n`);
    return EXIT.done;
  }
  if (name === undefined || name === '--help' || name === '-h') return help([], io);
  if (name === 'help') return help(rest, io);
  const route = ROUTES.find((one) => one.name === name);
  if (route === undefined) return showFailure(unknownCommand(name), io, null);
  const command = await route.load();
  if (wantsHelp(rest)) return help([name], io);
  try {
    return await command.run(readArguments(command, rest), io);
  } catch (fault) {
    return showFailure(fault, io, usageOf(command));
  }
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? undefined : end).some((arg) => arg === '--help' || arg === '-h');
}

async function help(words: readonly string[], io: Io): Promise<ExitCode> {
  const screen = screenOn(io.stdout, io.env);
  const route = ROUTES.find((one) => one.name === words[0]);
  if (words[0] !== undefined && route === undefined) return showFailure(unknownCommand(words[0]), io, null);
  if (route === undefined) showHelp(ROUTES, VERSION, screen);
  else showCommandHelp(await route.load(), screen);
  return EXIT.done;
}

function unknownCommand(name: string): UsageError {
  const meant = nearest(
    name,
    ROUTES.map((route) => route.name),
  );
  const fix = meant === undefined ? 'agentbox --help lists the commands' : `did you mean \`agentbox ${meant}\`?`;
  return new UsageError(`there is no command \`${name}\`; ${fix}`);
}
