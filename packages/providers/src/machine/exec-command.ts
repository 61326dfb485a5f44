/** exec_command: starts a command and answers with its end, its prompt or its session, whichever comes first. */
import type { ToolOutcome } from '@agentbox/control-plane';
import { type ExecCommandInput, newSessionId, type SessionId, type SpawnRequest } from '@agentbox/protocol';
import { type Aborted, abortedBy, isAborted } from './abort.ts';
import { closeRecord, collectAnswer } from './collect.ts';
import { endTree } from './end-tree.ts';
import { type ExecPlan, settleExec } from './exec-plan.ts';
import type { Turn } from './machine.ts';
import { fail, oneLine } from './outcome.ts';
import { interceptPatch } from './patch-command.ts';
import { newView } from './session-views.ts';

export async function execCommand(turn: Turn, input: ExecCommandInput): Promise<ToolOutcome> {
  const { machine, context } = turn;
  const plan = settleExec(input, (await machine.facts()).home, machine.settings);
  if (plan.kind === 'failed') return plan;
  if (context.signal.aborted) return notStarted(abortedBy(context.signal));
  const patched = await interceptPatch(turn, input, plan);
  if (patched !== null) return patched;
  const session = newSessionId();
  const view = newView({ cwd: plan.spawn.cwd, io: plan.spawn.io }, plan.answer.format);
  machine.views.put(turn.owner, session, view);
  const ready = start(turn, session, plan);
  const outcome = await collectAnswer(turn, {
    session,
    view,
    plan: plan.answer,
    since: null,
    beyondPrompt: false,
    ready,
  });
  return isAborted(outcome) ? letGo(turn, session, outcome) : outcome;
}

/** The record and the process begin together: an answer needs both. */
async function start(turn: Turn, session: SessionId, plan: ExecPlan): Promise<void> {
  const { machine, owner } = turn;
  const request: SpawnRequest = { ...plan.spawn, session, owner };
  const opened = machine.sessions.open({
    session,
    principal: owner,
    tool: 'exec_command',
    command: commandOf(plan),
    cwd: plan.spawn.cwd,
    openedAt: machine.clock(),
    closedAt: null,
    exitCode: null,
  });
  const [record, spawned] = await Promise.allSettled([opened, machine.box.spawn(request)]);
  if (spawned.status === 'rejected') {
    if (record.status === 'fulfilled') closeRecord(turn, session, { at: machine.clock(), code: null });
    throw spawned.reason;
  }
  if (record.status === 'rejected') {
    await endTree(turn, session);
    throw record.reason;
  }
}

const MAX_RECORDED_CHARS = 2000;

function commandOf({ spawn: { command } }: ExecPlan): string {
  return oneLine(command.kind === 'shell' ? command.text : command.argv.join(' '), MAX_RECORDED_CHARS);
}

function notStarted({ why }: Aborted): ToolOutcome {
  return fail('CANCELLED', `the call was ${why} before the command was started`, { why });
}

/** What the operator set for a caller that cancels, or goes away. */
async function letGo(turn: Turn, session: SessionId, { why }: Aborted): Promise<ToolOutcome> {
  const { onCancel, onDisconnect, prefix } = turn.machine.settings;
  if ((why === 'cancelled' ? onCancel : onDisconnect) === 'keep') {
    return fail(
      'CANCELLED',
      `the call was ${why}; the command goes on as session ${session}: ${prefix}write_stdin session_id=${session} waits for it`,
      { session, why, running: true },
    );
  }
  const ended = await endTree(turn, session);
  return fail(
    'CANCELLED',
    ended.alive === 0
      ? `the call was ${why} and the command was stopped with all its processes; ${prefix}read_output session_id=${session} gives what it printed`
      : `the call was ${why}; ${ended.alive} processes of session ${session} are still alive after SIGKILL`,
    { session, why, running: ended.alive > 0 },
  );
}
