/** `agentbox down`: ends the server and the box, and comes back when both are gone. */
import { stopAll } from '@agentbox/server';
import { type Command, HOME, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { screenOn } from '../terminal/screen.ts';
import { spinOn } from '../terminal/spinner.ts';

export const down: Command = {
  name: 'down',
  summary: 'Stop the server and the box, with everything that runs in it.',
  synopsis: '[--home DIR]',
  about: 'Comes back when both processes are gone. It is no error when nothing runs.',
  options: { home: HOME },
  examples: [['agentbox down', 'end everything of ~/.agentbox']],
  run: runDown,
};

async function runDown(args: Parsed, io: Io): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError(`unexpected \`${args.positionals.join(' ')}\``);
  const spinner = spinOn(io, 'stopping');
  const stopped = await stopAll(pathsOf(args, io)).finally(() => spinner.stop());
  const screen = screenOn(io.stdout, io.env);
  const parts = [
    ...(stopped.server === null ? [] : [`the server (process ${stopped.server})`]),
    ...(stopped.box === null ? [] : [`the box (process ${stopped.box})`]),
  ];
  screen.line(parts.length === 0 ? 'Nothing runs.' : `Stopped ${parts.join(' and ')}.`);
  return EXIT.done;
}
