/**
 * A tools/call whose caller lacks scopes of the tool, on HTTP: refused by the pipeline, so that it is on the record, and
 * answered as a challenge for every scope of the operation, so that a client can ask for more and come again.
 */
import type { CallPipeline } from '@agentbox/control-plane';
import type { ScopesNeeded } from '../http/door-port.ts';
import type { DoorCaller } from './deps.ts';
import { isRecord, type JsonObject } from './json.ts';
import { methodOf } from './message.ts';
import type { ToolTable } from './tool-table.ts';
import { clientOf, traceIn } from './turn.ts';

/** undefined when nothing is lacking, or it is no call of a tool that there is */
export type StepUp = (caller: DoorCaller, message: JsonObject) => Promise<ScopesNeeded> | undefined;

export function createStepUp(table: ToolTable, pipeline: CallPipeline): StepUp {
  return ({ principal }, message) => {
    if (methodOf(message) !== 'tools/call' || !isRecord(message['params'])) return undefined;
    const { name, _meta: meta } = message['params'];
    const tool = typeof name === 'string' ? table.find(name, principal) : undefined;
    if (tool === undefined) return undefined;
    const { scopes } = tool.definition;
    if (scopes.every((scope) => principal.scopes.has(scope))) return undefined;
    const refused = pipeline.call({
      tool: tool.wireName,
      arguments: {},
      answers: null,
      principal,
      client: clientOf(undefined, undefined),
      sandboxState: null,
      signal: new AbortController().signal,
      trace: traceIn(meta),
      progress: () => undefined,
    });
    return refused.then(() => ({ kind: 'needs-scopes', scopes }));
  };
}
