/** Settles the arguments of shell into what is spawned and how long it may take. Pure: no clock, no files. */
import { isAbsolute } from 'node:path';
import type { ShellInput } from '@agentbox/protocol';
import { type ExecPlan, refuseText, settleExec } from './exec-plan.ts';
import { type Failed, fail } from './outcome.ts';
import type { MachineSettings } from './settings.ts';

export interface ShellPlan {
  readonly kind: 'run';
  readonly exec: ExecPlan;
  readonly timeoutMs: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** what takes longer is work for exec_command, whose caller need not hold a request open */
const MAX_TIMEOUT_MS = 30 * 60_000;

export function settleShell(asked: ShellInput, home: string, settings: MachineSettings): ShellPlan | Failed {
  const refused = refuseShell(asked, settings);
  if (refused !== undefined) return refused;
  const { command, workdir, login } = asked;
  const exec = settleExec({ cmd: command, workdir, shell: 'bash', login: login ?? undefined }, home, settings);
  if (exec.kind === 'failed') return exec;
  const timeoutMs = asked.timeout_ms ?? DEFAULT_TIMEOUT_MS;
  const answer = { ...exec.answer, warnings: warningsOf(command, timeoutMs) };
  return { kind: 'run', exec: { ...exec, answer }, timeoutMs: Math.min(timeoutMs, MAX_TIMEOUT_MS) };
}

function refuseShell({ command, workdir }: ShellInput, settings: MachineSettings): Failed | undefined {
  if (!isAbsolute(workdir)) {
    const shown = JSON.stringify(workdir.slice(0, 64));
    return fail('INVALID_ARGUMENTS', `argument "workdir" must be an absolute path, not ${shown}`);
  }
  if (command.length > settings.maxCommandChars) {
    return fail(
      'COMMAND_TOO_LARGE',
      `command has ${command.length} characters, at most ${settings.maxCommandChars} are taken`,
      { limit: settings.maxCommandChars },
    );
  }
  return refuseText('command', command);
}

function warningsOf(command: string, timeoutMs: number): readonly string[] {
  return [
    ...(command.trim() === '' ? ['command is empty: nothing was run'] : []),
    ...(timeoutMs > MAX_TIMEOUT_MS ? [`timeout_ms ${timeoutMs} is held to ${MAX_TIMEOUT_MS}`] : []),
    ...(timeoutMs === 0 ? ['timeout_ms 0 ends the command at once'] : []),
  ];
}
