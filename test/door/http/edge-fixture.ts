/** A real edge on a free loopback port, with a door that each test writes itself, and clients that send what they want. */
import { connect, type Socket } from 'node:net';
import type { Caller } from '@agentbox/auth';
import type { AuditEntry } from '@agentbox/protocol';
import {
  createHttpEdge,
  type Door,
  type DoorAnswer,
  type EdgeDeps,
  type HttpEdge,
  listen,
  MetricsRegistry,
} from '@agentbox/server';
import type { Gate } from '../../auth/gate.ts';

export interface OpenEdge extends AsyncDisposable {
  readonly edge: HttpEdge;
  readonly url: string;
  readonly port: number;
  /** what was recorded */
  readonly records: readonly AuditEntry[];
  readonly faults: readonly unknown[];
  /** headers of a well-behaved MCP client with the operator's token */
  readonly headers: Readonly<Record<string, string>>;
  /** the same as header lines, with a Host */
  readonly lines: string;
  readonly close: (graceMs: number) => Promise<void>;
}

type DoorFetch = (request: Request, caller: Caller, body: unknown) => Promise<DoorAnswer> | DoorAnswer;

export const doorOf = (answer: DoorFetch): Door => ({
  fetch: async (request, caller, body) => answer(request, caller, body),
});

const echoDoor = doorOf((_request, caller, body) => Response.json({ caller: caller.principal.id, body }));

/** Refusals are recorded through the real log of the gate's stores, and kept here to look at. */
export async function openEdge(gate: Gate, options: Partial<EdgeDeps> = {}): Promise<OpenEdge> {
  const records: AuditEntry[] = [];
  const faults: unknown[] = [];
  const edge = createHttpEdge({
    authenticator: gate.authenticator(),
    door: echoDoor,
    checks: [],
    metrics: new MetricsRegistry(),
    audit: {
      append: (entry) => {
        records.push(entry);
        return gate.stores.audit.append(entry);
      },
    },
    clock: Date.now,
    reportFault: (_what, _facts, fault) => void faults.push(fault),
    settings: {},
    ...options,
  });
  const listener = await listen(edge, { host: '127.0.0.1', port: 0 });
  const { url, port } = listener;
  return {
    edge,
    url,
    port,
    records,
    faults,
    headers: { authorization: `Bearer ${gate.token}`, 'content-type': 'application/json' },
    lines: `Host: 127.0.0.1:${port}\r\nAuthorization: Bearer ${gate.token}\r\nContent-Type: application/json\r\n`,
    close: (graceMs) => listener.close(graceMs),
    [Symbol.asyncDispose]: () => listener.close(200),
  };
}

/** A client that sends exactly these bytes and reads only while it wants to. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  received = '';
  /** the server ended its side, or the connection is gone */
  ended = false;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk: string) => {
      this.received += chunk;
    });
    this.socket.on('error', () => undefined);
    const end = (): void => {
      this.ended = true;
    };
    this.socket.on('end', end).on('close', end);
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes);
    return this;
  }

  /** The last final status that was received. */
  get status(): number | null {
    const found = [...this.received.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].at(-1)?.[1];
    return found === undefined ? null : Number(found);
  }

  /** The status of the answer, or null when the connection ended without one. */
  async answer(): Promise<number | null> {
    await until(() => this.status !== null || this.ended, 'an answer or the end');
    return this.status;
  }

  async end(): Promise<number | null> {
    await until(() => this.ended, 'the end of the connection');
    return this.status;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** Polls for a condition with a generous deadline. */
export async function until(condition: () => boolean, what: string, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new RangeError(`waited ${withinMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Sockets, servers and timers of this process that would keep it alive. */
export const openResources = (): readonly string[] =>
  process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind));
