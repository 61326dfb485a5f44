/**
 * The SDK's protocol layer around the methods of the door: the low-level Server with one fallback handler, so that an
 * instance costs a few maps and a result is not validated twice.
 */
import { AgentboxError, HINT, HTTP_STATUS } from '@agentbox/protocol';
import type { Result, ServerContext } from '@modelcontextprotocol/server';
import { type JSONRPCRequest, ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import type { McpDoorDeps } from './deps.ts';
import type { DoorLimits } from './limits.ts';
import type { Methods } from './methods.ts';
import { taskParams } from './params.ts';
import { hearSandboxState } from './sandbox-state.ts';
import { setHooks } from './sdk-hooks.ts';
import { TASK_METHODS } from './task-methods.ts';
import { type Entrance, turnOf } from './turn.ts';

/** `method` is the only request that this instance will see, where that is known: an unknown one is refused early then. */
export type WireServerFactory = (entrance: Entrance, method: string | null) => Server;

export interface WireServerParts {
  readonly deps: McpDoorDeps;
  readonly methods: Methods;
  readonly limits: DoorLimits;
  readonly onFault: (fault: unknown) => void;
  /** what the protocol layer found wrong with a message or a connection */
  readonly onProtocolError: (error: Error) => void;
}

/** Never asked: answers are parsed by the provider that asked. The SDK would set up a schema compiler per instance. */
const NO_VALIDATOR = {
  getValidator: () => () => ({ valid: false as const, data: undefined, errorMessage: 'not validated here' }),
};

export function createWireServers(parts: WireServerParts): WireServerFactory {
  const { deps, methods, limits } = parts;
  const cacheHints = { 'server/discover': { ttlMs: limits.listTtlMs, cacheScope: 'private' } } as const;

  return (entrance, method) => {
    const server = new Server(deps.info, {
      capabilities: methods.capabilitiesFor(entrance.era, entrance.opener.principal),
      instructions: deps.instructions,
      cacheHints,
      jsonSchemaValidator: NO_VALIDATOR,
    });
    setHooks(server, { onerror: parts.onProtocolError });
    const { parseSandboxState: parse } = deps;
    if (parse !== undefined && entrance.sandbox !== null) hearSandboxState(server, parse, entrance.sandbox);
    const handle = (request: JSONRPCRequest, context: ServerContext) =>
      answer(parts, request, context, entrance, server);
    if (method === null || methods.table[entrance.era].has(method)) server.fallbackRequestHandler = handle;
    if (entrance.era === 'modern' && (method === null || method.startsWith('tasks/'))) serveTasks(server, handle);
    return server;
  };
}

type Handle = (request: JSONRPCRequest, context: ServerContext) => Promise<Result>;

/** The SDK lets the names of the tasks extension through only when they are registered one by one. */
function serveTasks(server: Server, handle: Handle): void {
  for (const method of TASK_METHODS) {
    server.setRequestHandler(method, { params: taskParams }, (params, context) =>
      handle({ jsonrpc: '2.0', id: context.mcpReq.id, method, params }, context),
    );
  }
}

/** Every method of the door passes here: nothing that it throws reaches a client as it is. */
async function answer(
  parts: WireServerParts,
  request: JSONRPCRequest,
  context: ServerContext,
  entrance: Entrance,
  server: Server,
): Promise<Result> {
  const method = parts.methods.table[entrance.era].get(request.method);
  if (method === undefined) throw new ProtocolError(ProtocolErrorCode.MethodNotFound, 'Method not found');
  try {
    return await method(request.params, turnOf(entrance, server, context));
  } catch (fault) {
    throw toProtocolError(fault, parts.onFault);
  }
}

/** What the door did not expect goes to the operator, and nothing of it to the client. */
export function toProtocolError(fault: unknown, onFault: (fault: unknown) => void): ProtocolError {
  if (fault instanceof ProtocolError) return fault;
  if (fault instanceof AgentboxError && HTTP_STATUS[fault.code] < 500) {
    return new ProtocolError(ProtocolErrorCode.InvalidParams, `${fault.message} ${HINT[fault.code]}`, {
      code: fault.code,
    });
  }
  onFault(fault);
  return new ProtocolError(ProtocolErrorCode.InternalError, 'Internal error');
}
