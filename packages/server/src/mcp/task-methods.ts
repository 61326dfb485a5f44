/** tasks/get, tasks/update and tasks/cancel (SEP-2663): only for clients that declared the extension, in the era that has it. */
import { ProtocolError, ProtocolErrorCode, type Result } from '@modelcontextprotocol/server';
import { invalidParams, parseParams, taskParams } from './params.ts';
import { missing } from './questions.ts';
import type { TaskStore } from './task-store.ts';
import { TASKS_EXTENSION, type Turn } from './turn.ts';

export const TASK_METHODS = ['tasks/get', 'tasks/update', 'tasks/cancel'] as const;
export type TaskMethod = (typeof TASK_METHODS)[number];

export function serveTask(tasks: TaskStore, method: TaskMethod, params: unknown, turn: Turn): Result {
  if (turn.era !== 'modern') throw new ProtocolError(ProtocolErrorCode.MethodNotFound, 'Method not found');
  if (!turn.client.tasks) throw missing({ extensions: { [TASKS_EXTENSION]: {} } });
  const { taskId } = parseParams(taskParams, params);
  const principal = turn.caller.principal.id;
  const found = answerOf(tasks, method, taskId, principal, turn);
  if (found === undefined) throw invalidParams('Unknown task: it ended its time, or is not yours.', { taskId });
  return found;
}

function answerOf(tasks: TaskStore, method: TaskMethod, id: string, principal: string, turn: Turn): Result | undefined {
  if (method === 'tasks/get') return tasks.get(id, principal);
  const done =
    method === 'tasks/cancel'
      ? tasks.cancel(id, principal)
      : tasks.answer(id, principal, turn.context.mcpReq.inputResponses ?? {});
  return done ? {} : undefined;
}
