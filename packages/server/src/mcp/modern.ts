/** 2026-07-28: every request stands alone. The SDK classifies and answers; the door adds what a low-level server lacks. */
import { assertInvariant } from '@agentbox/base';
import { createMcpHandler, type InMemoryServerEventBus, type McpHttpHandler } from '@modelcontextprotocol/server';
import type { DoorAnswer } from '../http/door-port.ts';
import { errorAnswer, SERVER_ERROR } from './answer.ts';
import type { DoorCaller } from './deps.ts';
import { isRecord, type JsonObject } from './json.ts';
import type { DoorLimits } from './limits.ts';
import { messageIdOf, methodOf } from './message.ts';
import { isStream, type OpenStreams } from './open-streams.ts';
import { paramHeaderMismatch } from './param-headers.ts';
import type { StepUp } from './step-up.ts';
import type { ToolTable } from './tool-table.ts';
import type { WireServerFactory } from './wire-server.ts';

export interface ModernLeg {
  serve(request: Request, caller: DoorCaller, message: unknown): Promise<DoorAnswer>;
  readonly listenStreams: number;
  /** ends the listening streams with their result and takes no new ones; what runs goes on */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface ModernParts {
  readonly makeServer: WireServerFactory;
  readonly table: ToolTable;
  readonly bus: InMemoryServerEventBus;
  readonly limits: DoorLimits;
  readonly streams: OpenStreams;
  readonly stepUp: StepUp;
  readonly onProtocolError: (error: Error) => void;
}

/** What the factory must know of a request and the SDK does not carry. */
interface Arrival {
  readonly caller: DoorCaller;
  readonly method: string | null;
}

const HEADER_MISMATCH = -32_020;
const INTERNAL_ERROR = -32_603;

export function createModernLeg(parts: ModernParts): ModernLeg {
  // The SDK hands the factory the very request that it was given: that is how the caller comes through.
  const arrivals = new WeakMap<Request, Arrival>();
  const handler = createHandler(parts, arrivals);
  // A handler of its own, because it ends before the calls do.
  const listening = createHandler(parts, arrivals);
  const perPrincipal = new Map<string, number>();
  let open = 0;
  let drained = false;

  function count(principal: string, by: 1 | -1): void {
    open += by;
    const own = (perPrincipal.get(principal) ?? 0) + by;
    if (own === 0) perPrincipal.delete(principal);
    else perPrincipal.set(principal, own);
  }

  async function listen(request: Request, caller: DoorCaller, message: unknown): Promise<Response> {
    const { id } = caller.principal;
    if (drained) return errorAnswer(503, SERVER_ERROR, 'The server is stopping.', messageIdOf(message));
    if ((perPrincipal.get(id) ?? 0) >= parts.limits.listenStreamsPerPrincipal) {
      return errorAnswer(200, INTERNAL_ERROR, 'Subscription limit reached', messageIdOf(message));
    }
    // Counted before it is waited for: a burst would pass the bound otherwise.
    count(id, 1);
    const response = await listening.fetch(request, { parsedBody: message }).catch((fault: unknown) => {
      count(id, -1);
      throw fault;
    });
    if (!isStream(response)) {
      count(id, -1);
      return response;
    }
    return parts.streams.keep(caller, response, () => count(id, -1));
  }

  return {
    get listenStreams() {
      return open;
    },
    async serve(request, caller, message) {
      const method = isRecord(message) ? (methodOf(message) ?? null) : null;
      arrivals.set(request, { caller, method });
      if (method === 'subscriptions/listen') return listen(request, caller, message);
      if (method === 'tools/call' && isRecord(message)) {
        const refused = headerMismatch(parts.table, request, caller, message) ?? parts.stepUp(caller, message);
        if (refused !== undefined) return refused;
      }
      const response = await handler.fetch(request, { parsedBody: message });
      return isStream(response) ? parts.streams.keep(caller, response) : response;
    },
    drain() {
      drained = true;
      return listening.close();
    },
    async close() {
      await Promise.all([this.drain(), handler.close()]);
    },
  };
}

function createHandler(parts: ModernParts, arrivals: WeakMap<Request, Arrival>): McpHttpHandler {
  const { limits, bus, onProtocolError } = parts;
  return createMcpHandler(
    ({ requestInfo }) => {
      const arrival = requestInfo === undefined ? undefined : arrivals.get(requestInfo);
      assertInvariant(arrival !== undefined, 'a request comes with its caller');
      const { caller, method } = arrival;
      const entrance = { era: 'modern', watches: null, sandbox: null, opener: caller, callerOf: () => caller } as const;
      return parts.makeServer(entrance, method);
    },
    {
      legacy: 'reject',
      bus,
      maxSubscriptions: limits.listenStreams,
      keepAliveMs: limits.keepAliveMs,
      maxRequestBodySize: limits.bodyBytes,
      onerror: onProtocolError,
    },
  );
}

function headerMismatch(
  table: ToolTable,
  request: Request,
  caller: DoorCaller,
  message: JsonObject,
): Response | undefined {
  const params: JsonObject = isRecord(message['params']) ? message['params'] : {};
  const name = params['name'];
  const tool = typeof name === 'string' ? table.find(name, caller.principal) : undefined;
  const problem =
    tool === undefined ? undefined : paramHeaderMismatch(table.headersOf(tool), params['arguments'], request.headers);
  if (problem === undefined) return undefined;
  return errorAnswer(400, HEADER_MISMATCH, `Header mismatch: ${problem}.`, messageIdOf(message));
}
