/**
 * 2025-*: what arrives for sessions. Each belongs to one principal; a stream that broke can be resumed; an id that is in
 * use is refused.
 */
import { HINT } from '@agentbox/protocol';
import { isInitializeRequest } from '@modelcontextprotocol/server';
import type { DoorAnswer } from '../http/door-port.ts';
import { errorAnswer, methodNotAllowed, noSuchSession, refusalAnswer, SERVER_ERROR } from './answer.ts';
import { forwardEvent } from './changes.ts';
import type { DoorCaller } from './deps.ts';
import type { JsonObject } from './json.ts';
import type { DoorLimits } from './limits.ts';
import {
  INVALID_REQUEST,
  isRequest,
  messageIdOf,
  methodOf,
  type ReadMessage,
  type Refusal,
  refuse,
} from './message.ts';
import { isStream } from './open-streams.ts';
import { type LegacyParts, type Session, SessionBook, type SessionCounters } from './session-book.ts';

/** A body that passed `readMessage`. */
type Messages = Exclude<ReadMessage, Refusal>;

export interface LegacyLeg {
  post(request: Request, caller: DoorCaller, read: Messages): Promise<DoorAnswer>;
  /** GET opens or resumes the session's stream, DELETE ends the session */
  other(request: Request, caller: DoorCaller): Promise<Response>;
  sweep(): void;
  disconnect(principal: string): Promise<void>;
  readonly counters: SessionCounters;
  close(): Promise<void>;
}

const SESSION_HEADER = 'mcp-session-id';
/** The revision whose messages may come in batches. */
const BATCH_REVISION = '2025-03-26';

export function createLegacyLeg(parts: LegacyParts): LegacyLeg {
  return new Sessions(parts);
}

class Sessions implements LegacyLeg {
  readonly #parts: LegacyParts;
  readonly #book: SessionBook;
  /** the SDK passes the request itself on to the handlers: a token of the same principal may have other scopes */
  readonly #callers = new WeakMap<Request, DoorCaller>();
  readonly #unsubscribe: () => void;

  constructor(parts: LegacyParts) {
    this.#parts = parts;
    this.#book = new SessionBook(parts);
    this.#unsubscribe = parts.bus.subscribe((event) => {
      for (const session of this.#book.all()) {
        if (session.listened) forwardEvent(event, session.server, session.watches, parts.onFault);
      }
    });
  }

  get counters(): SessionCounters {
    return this.#book.counters;
  }

  async post(request: Request, caller: DoorCaller, read: Messages): Promise<DoorAnswer> {
    const id = request.headers.get(SESSION_HEADER);
    const first = read.kind === 'single' ? read.message : undefined;
    if (id === null && first !== undefined && methodOf(first) === 'initialize') {
      return this.#open(request, caller, first);
    }
    if (id === null) return sessionRequired(messageIdOf(first));
    const session = this.#book.find(id, caller);
    if (session === undefined) return noSuchSession(messageIdOf(first));
    const problem = problemOf(session, read, this.#parts.limits);
    if (problem !== undefined) return refusalAnswer(problem);
    const lacking = first === undefined ? undefined : this.#parts.stepUp(caller, first);
    if (lacking !== undefined) return lacking;
    const response = await this.#serve(session, request, caller, read.kind === 'single' ? read.message : read.messages);
    // It ends with its session, as when a token is revoked; what is left is a token that ends by itself.
    return caller.expiresAt !== null && isStream(response) ? this.#parts.streams.keep(caller, response) : response;
  }

  async other(request: Request, caller: DoorCaller): Promise<Response> {
    if (request.method !== 'GET' && request.method !== 'DELETE') return methodNotAllowed('GET, POST, DELETE');
    const id = request.headers.get(SESSION_HEADER);
    if (id === null) return sessionRequired(null);
    const session = this.#book.find(id, caller);
    if (session === undefined) return noSuchSession();
    const lastEvent = request.method === 'GET' ? request.headers.get('last-event-id') : null;
    if (lastEvent !== null && !session.events.has(lastEvent)) {
      return errorAnswer(400, SERVER_ERROR, 'This event cannot be resumed from: it is unknown here or was dropped.');
    }
    const response = await this.#serve(session, request, caller);
    return request.method === 'GET' && response.ok ? this.#hold(session, caller, response) : response;
  }

  sweep(): void {
    this.#book.sweep();
  }

  async disconnect(principal: string): Promise<void> {
    const own = Array.from(this.#book.all()).filter((session) => session.principal === principal);
    await Promise.all(own.map((session) => session.transport.close()));
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await Promise.all(Array.from(this.#book.all(), (session) => session.transport.close()));
  }

  async #open(request: Request, caller: DoorCaller, message: JsonObject): Promise<Response> {
    const id = messageIdOf(message);
    if (!isInitializeRequest(message)) return errorAnswer(400, -32_602, 'Invalid params of initialize.', id);
    const session = await this.#book.open(caller, this.#callers);
    if (session === undefined) {
      return errorAnswer(429, SERVER_ERROR, `Too many sessions. ${HINT.OVERLOADED}`, id, { 'Retry-After': '10' });
    }
    const response = await this.#serve(session, request, caller, message);
    if (!response.ok) await session.transport.close();
    return response;
  }

  /** While a client holds the stream its session is not idle. */
  #hold(session: Session, caller: DoorCaller, response: Response): Response {
    session.streams += 1;
    session.listened = true;
    return this.#parts.streams.keep(caller, response, () => {
      session.streams -= 1;
      session.usedAt = performance.now();
    });
  }

  #serve(session: Session, request: Request, caller: DoorCaller, parsedBody?: unknown): Promise<Response> {
    session.usedAt = performance.now();
    this.#callers.set(request, caller);
    return session.inner.handleRequest(request, parsedBody === undefined ? {} : { parsedBody });
  }
}

function sessionRequired(id: string | number | null): Response {
  return errorAnswer(
    400,
    SERVER_ERROR,
    'The Mcp-Session-Id header is required. Send initialize to begin a session.',
    id,
  );
}

/** What would harm requests that are open already is refused before the SDK sees it: it would mix their streams up. */
function problemOf(session: Session, read: Messages, limits: DoorLimits): Refusal | undefined {
  const messages = read.kind === 'single' ? [read.message] : read.messages;
  if (read.kind === 'batch' && session.server.getNegotiatedProtocolVersion() !== BATCH_REVISION) {
    return refuse(INVALID_REQUEST, 'This revision of the protocol has no batches.');
  }
  const requests = messages.filter(isRequest);
  const ids = new Set(requests.map(messageIdOf));
  for (const id of ids) {
    if (id !== null && session.transport.isOpen(id))
      return refuse(INVALID_REQUEST, 'This id is in use by an open request.', id);
  }
  if (ids.size < requests.length) return refuse(INVALID_REQUEST, 'Two requests of the batch have the same id.');
  if (session.transport.openRequests + ids.size > limits.requestsPerSession) {
    const [id] = ids;
    return refuse(SERVER_ERROR, 'Too many requests of this session are open.', id ?? null, 429);
  }
  return undefined;
}
