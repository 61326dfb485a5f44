/** tools/list and tools/call: from the parameters to the pipeline and back to a result. */
import type { CallRequest, CatalogTool, ClientSandboxState, ToolOutcome } from '@agentbox/control-plane';
import { HINT } from '@agentbox/protocol';
import type { Result } from '@modelcontextprotocol/server';
import type { McpDoorDeps } from './deps.ts';
import type { JsonObject } from './json.ts';
import type { DoorLimits } from './limits.ts';
import { type FinalOutcome, toDeclinedResult, toWaitingResult, toWireResult } from './outcome.ts';
import { assertNoCursor, callParams, invalidParams, listParams, parseParams } from './params.ts';
import {
  type Answers,
  type Asked,
  bindingOf,
  missing,
  readAnswers,
  settleQuestions,
  unanswerable,
} from './questions.ts';
import { sandboxStateOf } from './sandbox-state.ts';
import type { SealedStates } from './sealed-state.ts';
import type { TaskStore } from './task-store.ts';
import type { ToolTable, WireTool } from './tool-table.ts';
import { type Era, notifierOf, TASKS_EXTENSION, type Turn, traceIn } from './turn.ts';

export interface ToolCallParts {
  readonly deps: McpDoorDeps;
  readonly limits: DoorLimits;
  readonly table: ToolTable;
  readonly states: SealedStates;
  readonly tasks: TaskStore;
  readonly onFault: (fault: unknown) => void;
}

/** One tools/call that found its tool. */
interface Call {
  readonly tool: CatalogTool;
  readonly args: JsonObject;
  readonly turn: Turn;
  readonly sandboxState: ClientSandboxState | null;
}

const isAsked = (outcome: ToolOutcome): outcome is Asked => outcome.kind === 'needs-input';

export function listTools(parts: ToolCallParts, params: unknown, turn: Turn): Result {
  assertNoCursor(parseParams(listParams, params).cursor);
  return listResult(parts.table.list(turn.caller.principal), turn.era, parts.limits);
}

/** What a caller sees depends on its scopes, so no cache may share it. */
export function listResult(tools: readonly WireTool[], era: Era, limits: DoorLimits): Result {
  return era === 'modern' ? { tools, ttlMs: limits.listTtlMs, cacheScope: 'private' } : { tools };
}

export async function callTool(parts: ToolCallParts, params: unknown, turn: Turn): Promise<Result> {
  const { name, arguments: args = {} } = parseParams(callParams, params);
  const tool = parts.table.find(name, turn.caller.principal);
  if (tool === undefined) throw invalidParams(`Unknown tool: ${JSON.stringify(name)}. ${HINT.TOOL_NOT_FOUND}`);
  const parse = parts.deps.parseSandboxState;
  const { _meta: meta } = turn.context.mcpReq;
  const sandboxState = parse === undefined ? null : sandboxStateOf(parse, meta, turn.sandbox);
  const call: Call = { tool, args, turn, sandboxState };
  const bind = () => bindingOf(turn, tool.wireName, args);
  assertCanFollow(call);
  const answers = readAnswers(turn, bind, parts.states, tool.definition.takesUnaskedAnswers === true);
  if (runsAsTask(call, answers)) return beginTask(parts, call, answers);

  const request = requestOf(parts, call);
  const run = (given: Answers) => parts.deps.pipeline.call({ ...request, answers: given });
  const rounds = { turn, answers, bind, run, isAsked };
  const settled = await settleQuestions<FinalOutcome>(rounds, parts.states, parts.limits);
  if (settled.kind === 'settled') return toWireResult(settled.value, request.trace);
  if (settled.kind === 'asked') return settled.result;
  return settled.kind === 'declined' ? toDeclinedResult() : toWaitingResult(settled.waiting);
}

/** What the pipeline gets: nothing of it knows the era. */
function requestOf(parts: ToolCallParts, { tool, args, turn, sandboxState }: Call): CallRequest {
  const { progress, log } = notifierOf(turn, parts.limits, parts.onFault);
  const { _meta: meta } = turn.context.mcpReq;
  const release = turn.context.http?.closeSSE;
  return {
    tool: tool.wireName,
    arguments: args,
    answers: null,
    principal: turn.caller.principal,
    client: turn.client,
    sandboxState,
    signal: turn.signal(),
    trace: traceIn(meta),
    progress,
    ...(parts.deps.logging ? { log } : {}),
    ...(release === undefined ? {} : { releaseConnection: release }),
  };
}

/** A tool that only works in the background is refused to a client that could not follow it, before anything runs. */
function assertCanFollow({ tool, turn }: Call): void {
  if (tool.definition.background?.use !== 'required' || turn.client.tasks) return;
  if (turn.era === 'modern') throw missing({ extensions: { [TASKS_EXTENSION]: {} } });
  throw invalidParams(`${tool.wireName} runs as a task, which this revision of the protocol does not have.`);
}

/** The server decides: long work of a client that can follow it. Tools that ask first become a task with the answers. */
function runsAsTask({ tool, turn }: Call, answers: Answers): boolean {
  const { background } = tool.definition;
  if (background === undefined || turn.era !== 'modern' || !turn.client.tasks) return false;
  return !background.asksFirst || answers !== null;
}

/** The task keeps the call alone: its request ends now, and with it the connection to notify. */
function beginTask(parts: ToolCallParts, call: Call, answers: Answers): Result {
  const { turn } = call;
  const { principal } = turn.caller;
  const base = requestOf(parts, call);
  const begun = parts.tasks.begin(principal.id, answers, {
    run: (given, signal, say) =>
      parts.deps.pipeline.call({
        tool: base.tool,
        arguments: base.arguments,
        answers: given,
        principal,
        client: base.client,
        sandboxState: base.sandboxState,
        signal,
        trace: base.trace,
        progress: (progress) => say(progress.message),
      }),
    unanswerable: (asked) => unanswerable(asked.requests, turn.client),
    toResult: (outcome) => toWireResult(outcome, base.trace),
    toWaiting: toWaitingResult,
    toDeclined: toDeclinedResult,
  });
  const message = `${String(parts.limits.tasksPerPrincipal)} tasks of this principal or ${String(parts.limits.tasks)} in all are kept already.`;
  return begun ?? toWireResult({ kind: 'failed', code: 'OVERLOADED', message, detail: {} }, base.trace);
}
