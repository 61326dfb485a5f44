/**
 * Long calls that a client follows as tasks (SEP-2663): each belongs to one principal, ends at its time, and keeps its
 * questions until they are answered. At the bound no task is begun; none is thrown out before its time.
 */
import { randomBytes } from 'node:crypto';
import type { ToolOutcome } from '@agentbox/control-plane';
import type { Result } from '@modelcontextprotocol/server';
import { isRecord, type JsonObject } from './json.ts';
import type { DoorLimits } from './limits.ts';
import { type Answers, type Asked, isAskedAgain } from './questions.ts';

type Status = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';

interface TaskWork {
  /** runs the call; again with answers when it asked */
  run(answers: Answers, signal: AbortSignal, say: (message: string) => void): Promise<ToolOutcome>;
  /** what this client cannot be asked, in words */
  unanswerable(asked: Asked): readonly string[];
  toResult(outcome: Exclude<ToolOutcome, Asked>): Result;
  toWaiting(waiting: readonly string[]): Result;
  toDeclined(): Result;
}

export interface TaskStore {
  /** undefined at the bound */
  begin(principal: string, answers: Answers, work: TaskWork): Result | undefined;
  /** undefined for an unknown task and for another principal's */
  get(id: string, principal: string): Result | undefined;
  answer(id: string, principal: string, responses: JsonObject): boolean;
  cancel(id: string, principal: string): boolean;
  /** drops what is past its time */
  sweep(now: number): void;
  disconnect(principal: string): void;
  close(): void;
  readonly size: number;
}

interface Task {
  readonly id: string;
  readonly principal: string;
  readonly createdAt: number;
  readonly abort: AbortController;
  updatedAt: number;
  status: Status;
  /** the last progress of the call */
  statusMessage: string;
  /** the result or error, once there is one */
  ended: JsonObject;
  /** questions without an answer, and the answers to the others */
  pending: Record<string, unknown>;
  responses: Record<string, unknown>;
  /** goes on with the call when the last question is answered or the task ended */
  resume: () => void;
}

const MAX_STATUS_LENGTH = 500;
const INTERNAL_ERROR = -32_603;

export function createTaskStore(limits: DoorLimits, onFault: (fault: unknown) => void): TaskStore {
  return new Tasks(limits, onFault);
}

class Tasks implements TaskStore {
  readonly #limits: DoorLimits;
  readonly #onFault: (fault: unknown) => void;
  readonly #tasks = new Map<string, Task>();

  constructor(limits: DoorLimits, onFault: (fault: unknown) => void) {
    this.#limits = limits;
    this.#onFault = onFault;
  }

  get size(): number {
    return this.#tasks.size;
  }

  begin(principal: string, answers: Answers, work: TaskWork): Result | undefined {
    const own = this.#of(principal).length;
    if (this.#tasks.size >= this.#limits.tasks || own >= this.#limits.tasksPerPrincipal) return undefined;
    const task = newTask(principal);
    // Before the answer: a client may ask for the task the moment that it hears of it.
    this.#tasks.set(task.id, task);
    follow(task, answers, work).catch((fault: unknown) => {
      this.#onFault(fault);
      finish(task, 'failed', { error: { code: INTERNAL_ERROR, message: 'Internal error' } });
    });
    return { resultType: 'task', ...describe(task, this.#limits) };
  }

  get(id: string, principal: string): Result | undefined {
    const task = this.#find(id, principal);
    if (task === undefined) return undefined;
    const asking = task.status === 'input_required' ? { inputRequests: task.pending } : {};
    return { ...describe(task, this.#limits), ...task.ended, ...asking };
  }

  answer(id: string, principal: string, responses: JsonObject): boolean {
    const task = this.#find(id, principal);
    if (task !== undefined) take(task, responses);
    return task !== undefined;
  }

  cancel(id: string, principal: string): boolean {
    const task = this.#find(id, principal);
    if (task !== undefined) stop(task, 'cancelled');
    return task !== undefined;
  }

  sweep(now: number): void {
    for (const task of this.#tasks.values()) {
      if (now - task.createdAt < this.#limits.taskTtlMs) continue;
      stop(task, 'cancelled');
      this.#tasks.delete(task.id);
    }
  }

  disconnect(principal: string): void {
    for (const task of this.#of(principal)) stop(task, 'disconnected');
  }

  close(): void {
    for (const task of this.#tasks.values()) stop(task, 'disconnected');
    this.#tasks.clear();
  }

  #of(principal: string): readonly Task[] {
    return Array.from(this.#tasks.values()).filter((task) => task.principal === principal);
  }

  #find(id: string, principal: string): Task | undefined {
    const task = this.#tasks.get(id);
    return task?.principal === principal ? task : undefined;
  }
}

function newTask(principal: string): Task {
  const now = Date.now();
  return {
    id: `t_${randomBytes(16).toString('base64url')}`,
    principal,
    createdAt: now,
    updatedAt: now,
    abort: new AbortController(),
    status: 'working',
    statusMessage: '',
    ended: {},
    pending: {},
    responses: {},
    resume: () => undefined,
  };
}

function describe(task: Task, limits: DoorLimits): JsonObject {
  return {
    taskId: task.id,
    status: task.status,
    ...(task.statusMessage === '' ? {} : { statusMessage: task.statusMessage }),
    createdAt: new Date(task.createdAt).toISOString(),
    lastUpdatedAt: new Date(task.updatedAt).toISOString(),
    ttlMs: limits.taskTtlMs,
    pollIntervalMs: limits.taskPollMs,
  };
}

async function follow(task: Task, first: Answers, work: TaskWork): Promise<void> {
  let answers = first;
  const say = (message: string): void => {
    task.statusMessage = message.slice(0, MAX_STATUS_LENGTH).toWellFormed();
    task.updatedAt = Date.now();
  };
  while (!task.abort.signal.aborted) {
    const outcome = await work.run(answers, task.abort.signal, say);
    if (outcome.kind !== 'needs-input') return settle(task, outcome, work);
    if (isAskedAgain(outcome.requests, answers)) return finish(task, 'completed', { result: work.toDeclined() });
    const waiting = work.unanswerable(outcome);
    if (waiting.length > 0) return finish(task, 'completed', { result: work.toWaiting(waiting) });
    answers = await ask(task, outcome);
  }
}

/** Only broken machinery fails a task: a tool that ran and reports an error has completed. */
function settle(task: Task, outcome: Exclude<ToolOutcome, Asked>, work: TaskWork): void {
  if (outcome.kind === 'failed' && outcome.code === 'INTERNAL') {
    finish(task, 'failed', { error: { code: INTERNAL_ERROR, message: outcome.message } });
  } else {
    finish(task, 'completed', { result: work.toResult(outcome) });
  }
}

async function ask(task: Task, asked: Asked): Promise<Answers> {
  task.pending = { ...asked.requests };
  task.responses = {};
  if (Object.keys(task.pending).length > 0 && isLive(task)) {
    turnTo(task, 'input_required');
    await new Promise<void>((resolve) => {
      task.resume = resolve;
    });
    if (isLive(task)) turnTo(task, 'working');
  }
  return { responses: task.responses, state: asked.state };
}

function take(task: Task, responses: JsonObject): void {
  if (task.status !== 'input_required') return;
  for (const [key, response] of Object.entries(responses)) {
    if (!Object.hasOwn(task.pending, key) || !isRecord(response)) continue;
    Reflect.deleteProperty(task.pending, key);
    task.responses[key] = response;
  }
  task.updatedAt = Date.now();
  if (Object.keys(task.pending).length === 0) task.resume();
}

function stop(task: Task, reason: 'cancelled' | 'disconnected'): void {
  finish(task, 'cancelled', {});
  task.abort.abort(reason);
  task.resume();
}

function finish(task: Task, status: Status, ended: JsonObject): void {
  if (!isLive(task)) return;
  turnTo(task, status);
  task.pending = {};
  task.ended = ended;
}

function turnTo(task: Task, status: Status): void {
  task.status = status;
  task.updatedAt = Date.now();
}

const isLive = (task: Task): boolean => task.status === 'working' || task.status === 'input_required';
