/**
 * A real proxy on a free loopback port, an origin behind it, and clients that send the bytes they want. Every name
 * resolves to loopback, which is granted, unless a test says otherwise; what is dialled is kept to look at.
 */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import {
  type Egress,
  type EgressEntry,
  type EgressOptions,
  type EgressRequest,
  type EgressVerdict,
  ruleFor,
  serveEgress,
} from '@agentbox/sandbox';

const RULES_FILE = '/etc/agentbox/egress.rules';
const RULE = { source: RULES_FILE, line: 3, justification: null };

export interface Proxy extends AsyncDisposable {
  readonly port: number;
  readonly egress: Egress;
  readonly entries: readonly EgressEntry[];
  readonly asked: readonly EgressRequest[];
  readonly dialled: readonly string[];
  readonly lookups: readonly string[];
}

export const refusedByRule = (request: EgressRequest): EgressVerdict => ({
  kind: 'refuse',
  rule: null,
  reason: `no rule allows ${request.host}`,
  needed: ruleFor(request, RULES_FILE),
});

export const allowed = (): EgressVerdict => ({ kind: 'allow', rule: RULE });

export async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return isInternet(address) ? address.port : 0;
}

const isInternet = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null;

/** Hosts that end in `.test` are allowed unless `decide` is given. */
export async function openProxy(options: Partial<EgressOptions> = {}): Promise<Proxy> {
  const [entries, asked, dialled, lookups]: [EgressEntry[], EgressRequest[], string[], string[]] = [[], [], [], []];
  const server = createServer();
  const port = await listening(server);
  const judge = options.decide ?? ((request) => (request.host.endsWith('.test') ? allowed() : refusedByRule(request)));
  const look = options.lookup ?? (async () => ['127.0.0.1']);
  const dial = options.dial ?? ((address: string, to: number): Socket => connect({ host: address, port: to }));
  const egress = serveEgress({
    listener: server,
    record: (entry) => entries.push(entry),
    isGranted: (address) => address === '127.0.0.1',
    rulesFile: RULES_FILE,
    ...options,
    decide: (request, signal) => {
      asked.push(request);
      return judge(request, signal);
    },
    lookup: async (name, signal) => {
      lookups.push(name);
      return look(name, signal);
    },
    dial: (address, to) => {
      dialled.push(`${address}:${to}`);
      return dial(address, to);
    },
  });
  return { port, egress, entries, asked, dialled, lookups, [Symbol.asyncDispose]: async () => egress.close() };
}

export interface Origin extends AsyncDisposable {
  readonly port: number;
}

export async function openOrigin(answer: RequestListener): Promise<Origin> {
  const server = createHttpServer(answer);
  const port = await listening(server);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface RawClient extends AsyncDisposable {
  readonly socket: Socket;
  /** all that came once `done` says so, or until the end */
  readonly read: (done?: (bytes: Buffer) => boolean) => Promise<Buffer>;
  readonly text: (until?: string) => Promise<string>;
}

export async function openClient(port: number, first: string | Uint8Array = ''): Promise<RawClient> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  // A test that waits for an end that never comes goes red instead of waiting on.
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on('error', () => {});
  const state = { held: Buffer.alloc(0), ended: false };
  let wake = (): void => {};
  socket.on('data', (bytes) => {
    state.held = Buffer.concat([state.held, bytes]);
    wake();
  });
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      state.ended = true;
      wake();
    });
  }
  await once(socket, 'connect');
  if (first.length > 0) socket.write(first);
  const read = async (done: (bytes: Buffer) => boolean = () => false): Promise<Buffer> => {
    while (!state.ended && !done(state.held)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
    const all = state.held;
    state.held = Buffer.alloc(0);
    return all;
  };
  return {
    socket,
    read,
    text: async (until) => (await read((bytes) => until !== undefined && bytes.includes(until))).toString('latin1'),
    [Symbol.asyncDispose]: async () => {
      if (socket.closed) return;
      socket.destroy();
      await once(socket, 'close');
    },
  };
}

/** The whole answer to one request on a connection of its own. */
export async function ask(port: number, request: string | Uint8Array): Promise<string> {
  await using client = await openClient(port, request);
  return await client.text();
}

export const get = (url: string, headers = ''): string =>
  `GET ${url} HTTP/1.1\r\nHost: x\r\n${headers}Connection: close\r\n\r\n`;
