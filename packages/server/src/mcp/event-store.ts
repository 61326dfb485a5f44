/**
 * The events of one session's streams, for a client that comes back with Last-Event-ID. Bounded in bytes and time: past
 * a bound the oldest go, and a client that asks to resume from one of them is told so (400), never served with a gap.
 */
import { randomBytes } from 'node:crypto';
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';
import type { DoorLimits } from './limits.ts';

/** What all sessions together keep; one per door. */
export interface EventBudget {
  bytes: number;
}

export interface SessionEvents extends EventStore {
  /** whether a client can resume after this event; asked before, so that an unknown one is told */
  has(id: string): boolean;
  /** this message is handed over once more, and is not an event */
  ignore(message: JSONRPCMessage): void;
  expire(now: number): void;
  clear(): void;
}

interface StoredEvent {
  readonly stream: string;
  readonly message: JSONRPCMessage;
  readonly bytes: number;
  readonly at: number;
}

/** The SDK's own mark of the first event of a stream: it says where to resume and carries nothing. */
const isPriming = (message: JSONRPCMessage): boolean => !('jsonrpc' in message);

/** What an event costs besides its content. */
const OVERHEAD_BYTES = 200;
const NODE_BYTES = 32;

/** About what a message holds in memory; stops at `enough`. Cheaper than writing it out once more. */
function sizeOf(message: unknown, enough: number): number {
  const left: unknown[] = [message];
  let bytes = 0;
  for (let node = left.pop(); node !== undefined && bytes < enough; node = left.pop()) {
    bytes += NODE_BYTES;
    if (typeof node === 'string') bytes += node.length;
    else if (typeof node === 'object' && node !== null)
      left.push(...Object.values(node).filter((child) => child !== undefined));
  }
  return bytes;
}

export function createSessionEvents(limits: DoorLimits, budget: EventBudget): SessionEvents {
  const prefix = randomBytes(4).toString('hex');
  const events = new Map<string, StoredEvent>();
  const ignored = new WeakSet<JSONRPCMessage>();
  let bytes = 0;
  let next = 0;

  function drop(id: string, event: StoredEvent): void {
    events.delete(id);
    bytes -= event.bytes;
    budget.bytes -= event.bytes;
  }

  /** the oldest go until both bounds hold; an event that is larger than they are is delivered and not kept */
  function keep(id: string, event: StoredEvent): void {
    events.set(id, event);
    bytes += event.bytes;
    budget.bytes += event.bytes;
    for (const [oldest, old] of events) {
      if (bytes <= limits.eventBytesPerSession && budget.bytes <= limits.eventBytes) return;
      drop(oldest, old);
    }
  }

  return {
    storeEvent: async (stream, message) => {
      next += 1;
      const id = `${prefix}-${String(next)}`;
      if (ignored.has(message)) return id;
      const size = OVERHEAD_BYTES + sizeOf(message, limits.eventBytesPerSession);
      keep(id, { stream, message, bytes: size, at: performance.now() });
      return id;
    },
    has: (id) => events.has(id),
    replayEventsAfter: async (lastId, { send }) => {
      const stream = events.get(lastId)?.stream ?? '';
      let isAfter = false;
      for (const [id, event] of Array.from(events)) {
        if (isAfter && event.stream === stream && !isPriming(event.message)) await send(id, event.message);
        if (id === lastId) isAfter = true;
      }
      return stream;
    },
    ignore: (message) => void ignored.add(message),
    expire(now) {
      for (const [id, event] of events) {
        if (now - event.at < limits.resumeWindowMs) return;
        drop(id, event);
      }
    },
    clear() {
      for (const [id, event] of events) drop(id, event);
    },
  };
}
