/** Begins a session: the record and the process together, because an answer needs both. */
import type { SandboxProfile, SessionId, SpawnRequest } from '@agentbox/protocol';
import { closeRecord } from './collect.ts';
import { endTree } from './end-tree.ts';
import type { ExecPlan } from './exec-plan.ts';
import type { Turn } from './machine.ts';
import { oneLine } from './outcome.ts';

export async function beginSession(
  turn: Turn,
  session: SessionId,
  tool: 'exec_command' | 'shell',
  plan: ExecPlan,
  profile: SandboxProfile | null,
): Promise<void> {
  const { machine, owner } = turn;
  const request: SpawnRequest = { ...plan.spawn, session, owner, profile };
  const opened = machine.sessions.open({
    session,
    principal: owner,
    tool,
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
