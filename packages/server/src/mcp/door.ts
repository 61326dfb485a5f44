/**
 * One /mcp for both eras. Reads the message, decides the era and hands it on; never throws for what a client sent. Who
 * the caller is, which host and origin may come, and rates are decided before it.
 */
import type { PrincipalId } from '@agentbox/protocol';
import { classifyInboundRequest, isJsonContentType, readRequestBody } from '@modelcontextprotocol/server';
import type { Door, DoorAnswer } from '../http/door-port.ts';
import { errorAnswer, refusalAnswer, SERVER_ERROR } from './answer.ts';
import { type BuiltDoor, buildDoor } from './build.ts';
import type { DoorCaller, McpDoorDeps } from './deps.ts';
import type { DoorLimits } from './limits.ts';
import { messageIdOf, PARSE_ERROR, readMessage, refuse } from './message.ts';
import { createModernLeg, type ModernLeg } from './modern.ts';
import { createLegacyLeg, type LegacyLeg } from './sessions.ts';

const INTERNAL_ERROR = -32_603;

/** For metrics. The requests, refusals and evictions grow; the others are what is there now. */
export interface DoorCounters {
  /** requests and notifications of 2026-07-28 */
  readonly modernRequests: number;
  /** of 2025-* */
  readonly legacyRequests: number;
  /** requests refused before any method saw them */
  readonly refused: number;
  /** what the protocol layer found wrong with a message or a connection */
  readonly protocolErrors: number;
  /** sessions of 2025-* */
  readonly sessions: number;
  /** sessions that ended because they were idle or made room; grows */
  readonly sessionsEvicted: number;
  /** kept for resumption, in `bytes` */
  readonly sessionEventBytes: number;
  /** streams of subscriptions/listen */
  readonly listenStreams: number;
  readonly tasks: number;
  readonly openQuestions: number;
}

export interface McpDoor extends Door {
  /** `parsedBody` when the edge has read and parsed the body already */
  fetch(request: Request, caller: DoorCaller, parsedBody?: unknown): Promise<DoorAnswer>;
  counters(): DoorCounters;
  /** ends the sessions, streams and tasks of a principal whose tokens or rights changed */
  disconnect(principal: PrincipalId): Promise<void>;
  /** ends every stream, session and task; calls are aborted as disconnected */
  close(): Promise<void>;
  /** ends the listening streams with their result; calls go on */
  drain(): void;
}

export function createMcpDoor(deps: McpDoorDeps): McpDoor {
  return new BothEras(buildDoor(deps));
}

class BothEras implements McpDoor {
  readonly #built: BuiltDoor;
  readonly #modern: ModernLeg;
  readonly #legacy: LegacyLeg;
  readonly #sweeper: NodeJS.Timeout;
  // Of everything else the legs and stores count for themselves.
  readonly #counts = { modernRequests: 0, legacyRequests: 0, refused: 0 };

  constructor(built: BuiltDoor) {
    this.#built = built;
    this.#modern = createModernLeg(built);
    this.#legacy = createLegacyLeg(built);
    this.#sweeper = setInterval(() => this.#sweep(), built.limits.sweepMs).unref();
  }

  async fetch(request: Request, caller: DoorCaller, parsedBody?: unknown): Promise<DoorAnswer> {
    try {
      const answer = await this.#route(request, caller, parsedBody);
      if ('scopes' in answer || answer.status >= 400) this.#counts.refused += 1;
      return answer;
    } catch (fault) {
      this.#built.onFault(fault);
      return errorAnswer(500, INTERNAL_ERROR, 'Internal error', messageIdOf(parsedBody));
    }
  }

  counters(): DoorCounters {
    const { open, evicted, eventBytes } = this.#legacy.counters;
    return {
      ...this.#counts,
      protocolErrors: this.#built.protocolErrors(),
      sessions: open,
      sessionsEvicted: evicted,
      sessionEventBytes: eventBytes,
      listenStreams: this.#modern.listenStreams,
      tasks: this.#built.tasks.size,
      openQuestions: this.#built.states.size,
    };
  }

  async disconnect(principal: PrincipalId): Promise<void> {
    this.#built.streams.disconnect(principal);
    this.#built.tasks.disconnect(principal);
    await this.#legacy.disconnect(principal);
  }

  drain(): void {
    this.#modern.drain().catch(this.#built.onFault);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#built.direct.close();
    await Promise.all([this.#modern.close(), this.#legacy.close()]);
    this.#built[Symbol.dispose]();
  }

  async #route(request: Request, caller: DoorCaller, parsedBody: unknown): Promise<DoorAnswer> {
    if (request.method !== 'POST') {
      const isModern = isModernHeader(request);
      return isModern ? this.#modern.serve(request, caller, undefined) : this.#legacy.other(request, caller);
    }
    const { limits } = this.#built;
    const body = await bodyOf(request, parsedBody, limits);
    if (body instanceof Response) return body;
    const read = readMessage(body.value, limits);
    if (read.kind === 'refuse') return refusalAnswer(read);
    if (read.kind === 'single') {
      const direct = this.#built.direct.serve(request, caller, read.message);
      if (direct !== undefined) {
        this.#counts.modernRequests += 1;
        return direct;
      }
    }
    const { kind } = classifyInboundRequest({ httpMethod: 'POST', ...headersOf(request), body: body.value });
    if (kind === 'legacy') {
      this.#counts.legacyRequests += 1;
      return this.#legacy.post(request, caller, read);
    }
    // Also what contradicts itself: the SDK answers it as a client of this era expects.
    this.#counts.modernRequests += 1;
    return this.#modern.serve(request, caller, body.value);
  }

  #sweep(): void {
    this.#legacy.sweep();
    this.#built.tasks.sweep(Date.now());
  }
}

/** Revisions are dates, and the first without sessions is 2026-07-28: such a GET or DELETE has nothing to find here. */
function isModernHeader(request: Request): boolean {
  const version = request.headers.get('mcp-protocol-version');
  return version !== null && /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= '2026-07-28';
}

/** The headers that decide the era together with the body. */
function headersOf(request: Request) {
  const { headers } = request;
  const version = headers.get('mcp-protocol-version');
  const method = headers.get('mcp-method');
  const name = headers.get('mcp-name');
  return {
    ...(version === null ? {} : { protocolVersionHeader: version }),
    ...(method === null ? {} : { mcpMethodHeader: method }),
    ...(name === null ? {} : { mcpNameHeader: name }),
  };
}

/** The edge has usually read and parsed the body; a door without one before it does so itself, within its own bound. */
async function bodyOf(
  request: Request,
  parsedBody: unknown,
  limits: DoorLimits,
): Promise<Response | { readonly value: unknown }> {
  if (parsedBody !== undefined) return { value: parsedBody };
  if (!isJsonContentType(request.headers.get('content-type'))) {
    return errorAnswer(415, SERVER_ERROR, 'Content-Type must be application/json.');
  }
  const read = await readText(request, limits);
  if (read === undefined) return refusalAnswer(refuse(PARSE_ERROR, 'The body could not be read.'));
  if (read.tooLarge) {
    return errorAnswer(413, SERVER_ERROR, `The body is larger than ${String(limits.bodyBytes)} bytes.`);
  }
  try {
    const value: unknown = JSON.parse(read.text);
    return { value };
  } catch {
    return refusalAnswer(refuse(PARSE_ERROR, 'The body is not JSON.'));
  }
}

/** Undefined when the client let go of the body half-way. */
async function readText(request: Request, limits: DoorLimits) {
  try {
    return await readRequestBody(request, limits.bodyBytes);
  } catch {
    return undefined;
  }
}
