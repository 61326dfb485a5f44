/** `agentbox stdio`: MCP over standard input and output, for clients that start their servers themselves. */
import { join } from 'node:path';
import { resolveHome, runStdio } from '@agentbox/server';
import { type Command, HOME, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';

export const stdio: Command = {
  name: 'stdio',
  summary: 'Speak MCP over standard input and output.',
  synopsis: '[--home DIR]',
  about: 'Uses the same home and the same box as `agentbox up`, whether or not that runs. Acts as the operator.',
  options: { home: HOME },
  examples: [['claude mcp add agentbox -- npx agentbox stdio', 'let Claude Code start it']],
  run: runStdioCommand,
};

async function runStdioCommand(args: Parsed, io: Io): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError(`unexpected \`${args.positionals.join(' ')}\``);
  const home = resolveHome(args.text('home'), io.env);
  await runStdio({ home, env: io.env, flags: [], dist: join(io.root, 'dist') }, io);
  return EXIT.done;
}
