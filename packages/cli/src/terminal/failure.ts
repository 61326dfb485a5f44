/** How a failure looks: the code, what happened, and what to do next. Never a stack, unless AGENTBOX_DEBUG asks for it. */
import { AgentboxError, type ErrorCode, HINT } from '@agentbox/protocol';
import { UsageError } from '../command.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { screenOn } from './screen.ts';

/** The next step of a person, where that of an agent is another one. */
const STEPS: Readonly<Partial<Record<ErrorCode, string>>> = {
  SESSION_NOT_FOUND: '`agentbox sessions list --all` shows the sessions there are.',
  NO_TTY: 'Run it in a terminal, without a pipe.',
  CONFIG_INVALID:
    'Correct what the line names; `agentbox COMMAND --help` and docs/configuration.md say what is possible.',
};

export function showFailure(fault: unknown, io: Io, usage: string | null): ExitCode {
  const screen = screenOn(io.stderr, io.env);
  const { paint } = screen;
  if (fault instanceof UsageError) {
    screen.line(`${paint('bad', 'agentbox')}: ${fault.message}`);
    if (usage !== null) screen.line(paint('quiet', usage));
    return EXIT.usage;
  }
  const known = asAgentboxError(fault);
  const [first = '', ...rest] = known.message.split('\n');
  screen.line(`${paint('bad', known.code)}  ${first}`);
  for (const line of rest) screen.line(`  ${line}`);
  screen.line(paint('quiet', `  ${STEPS[known.code] ?? HINT[known.code]}`));
  if (io.env['AGENTBOX_DEBUG'] === '1' && fault instanceof Error) screen.line(fault.stack);
  return known.code === 'NOT_RUNNING' ? EXIT.notRunning : EXIT.failed;
}

function asAgentboxError(fault: unknown): AgentboxError {
  if (fault instanceof AgentboxError) return fault;
  return new AgentboxError('INTERNAL', fault instanceof Error ? fault.message : String(fault));
}
