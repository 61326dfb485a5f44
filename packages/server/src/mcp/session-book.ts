/**
 * The sessions that are open, bounded per principal and in all: what is idle makes room, what is busy is never thrown
 * out. An id of another principal is as unknown as one that never was.
 */
import { randomUUID } from 'node:crypto';
import {
  type InMemoryServerEventBus,
  type Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { DoorCaller } from './deps.ts';
import { createSessionEvents, type EventBudget, type SessionEvents } from './event-store.ts';
import type { DoorLimits } from './limits.ts';
import type { OpenStreams } from './open-streams.ts';
import { newSandboxStateCell } from './sandbox-state.ts';
import { setHooks } from './sdk-hooks.ts';
import { SessionTransport } from './session-transport.ts';
import type { StepUp } from './step-up.ts';
import type { WireServerFactory } from './wire-server.ts';

export interface LegacyParts {
  readonly makeServer: WireServerFactory;
  readonly bus: InMemoryServerEventBus;
  readonly limits: DoorLimits;
  readonly streams: OpenStreams;
  readonly stepUp: StepUp;
  readonly onFault: (fault: unknown) => void;
}

export interface Session {
  readonly id: string;
  readonly principal: string;
  readonly server: Server;
  readonly inner: WebStandardStreamableHTTPServerTransport;
  readonly transport: SessionTransport;
  readonly events: SessionEvents;
  readonly watches: Set<string>;
  /** GET streams that a client holds */
  streams: number;
  /** whether a client ever listened: notifications of a session that never did are kept for nobody */
  listened: boolean;
  usedAt: number;
}

export interface SessionCounters {
  readonly open: number;
  readonly evicted: number;
  readonly eventBytes: number;
}

export class SessionBook {
  readonly #parts: LegacyParts;
  readonly #sessions = new Map<string, Session>();
  readonly #counts = new Map<string, number>();
  readonly #budget: EventBudget = { bytes: 0 };
  #evicted = 0;

  constructor(parts: LegacyParts) {
    this.#parts = parts;
  }

  get counters(): SessionCounters {
    return { open: this.#sessions.size, evicted: this.#evicted, eventBytes: this.#budget.bytes };
  }

  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  find(id: string, caller: DoorCaller): Session | undefined {
    const session = this.#sessions.get(id);
    return session?.principal === caller.principal.id ? session : undefined;
  }

  /** undefined when every place is taken by a busy session */
  async open(caller: DoorCaller, callers: WeakMap<Request, DoorCaller>): Promise<Session | undefined> {
    if (!this.#makeRoom(caller.principal.id)) return undefined;
    const session = newSession(this.#parts, caller, callers, this.#budget);
    this.#sessions.set(session.id, session);
    this.#counts.set(session.principal, (this.#counts.get(session.principal) ?? 0) + 1);
    setHooks(session.server, { onclose: () => this.#remove(session) });
    await session.server.connect(session.transport);
    return session;
  }

  /** ends what was idle too long, and forgets events past their time */
  sweep(): void {
    const now = performance.now();
    for (const session of this.#sessions.values()) {
      // While a request is open its client may still come back to the first event of its stream.
      if (session.transport.openRequests === 0) session.events.expire(now);
      if (isIdle(session) && now - session.usedAt > this.#parts.limits.sessionIdleMs) this.#evict(session);
    }
  }

  #remove(session: Session): void {
    if (!this.#sessions.delete(session.id)) return;
    const left = (this.#counts.get(session.principal) ?? 1) - 1;
    if (left === 0) this.#counts.delete(session.principal);
    else this.#counts.set(session.principal, left);
    session.events.clear();
  }

  #evict(session: Session): void {
    this.#evicted += 1;
    this.#remove(session);
    session.transport.close().catch(this.#parts.onFault);
  }

  #makeRoom(principal: string): boolean {
    const { limits } = this.#parts;
    const isOwnFull = (this.#counts.get(principal) ?? 0) >= limits.sessionsPerPrincipal;
    if (!isOwnFull && this.#sessions.size < limits.sessions) return true;
    let oldest: Session | undefined;
    for (const session of this.#sessions.values()) {
      if (!isIdle(session) || (isOwnFull && session.principal !== principal)) continue;
      if (oldest === undefined || session.usedAt < oldest.usedAt) oldest = session;
    }
    if (oldest === undefined) return false;
    this.#evict(oldest);
    return true;
  }
}

/** Nobody waits for it: no open request and no stream. */
const isIdle = (session: Session): boolean => session.streams === 0 && session.transport.openRequests === 0;

/** Nothing of a session is shared but the budget of events: one cannot read or delay another. */
function newSession(
  parts: LegacyParts,
  caller: DoorCaller,
  callers: WeakMap<Request, DoorCaller>,
  budget: EventBudget,
): Session {
  const { limits } = parts;
  const id = randomUUID();
  const events = createSessionEvents(limits, budget);
  const inner = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => id,
    eventStore: events,
    retryInterval: limits.retryMs,
    keepAliveMs: limits.keepAliveMs,
    maxRequestBodySize: limits.bodyBytes,
  });
  const watches = new Set<string>();
  const server = parts.makeServer(
    {
      era: 'legacy',
      watches,
      sandbox: newSandboxStateCell(),
      opener: caller,
      callerOf: ({ http }) => (http?.req === undefined ? undefined : callers.get(http.req)) ?? caller,
    },
    null,
  );
  const transport = new SessionTransport(inner, events);
  const principal = caller.principal.id;
  return {
    id,
    principal,
    server,
    inner,
    transport,
    events,
    watches,
    streams: 0,
    listened: false,
    usedAt: performance.now(),
  };
}
