/**
 * Binds the edge to a port and owns its connections: their number, the time they may take for headers, bodies and
 * reading, and their end. After `close` nothing of it is left: no socket, no timer, no request.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentboxError } from '@agentbox/protocol';
import { type Refusal, refuse } from './admission.ts';
import { rawRefusal } from './answers.ts';
import { isLoopbackName } from './authority.ts';
import { Connections } from './connections.ts';
import type { HttpEdge } from './edge.ts';
import { addProcessMetrics } from './metrics/process-metrics.ts';

export interface ListenOptions {
  /** an address of this machine; anything but loopback needs the permission below */
  readonly host: string;
  /** 0 takes a free port */
  readonly port: number;
  readonly dangerouslyBindAllInterfaces?: boolean;
}

export interface HttpListener {
  readonly url: string;
  readonly port: number;
  /** lets requests end within `graceMs`, then ends streams properly and connections at all */
  close(graceMs: number): Promise<void>;
}

export async function listen(edge: HttpEdge, options: ListenOptions): Promise<HttpListener> {
  const { host, port } = options;
  if (!isLoopbackName(host) && options.dangerouslyBindAllInterfaces !== true) {
    const why = `${host} is reached by other machines without encryption`;
    throw new AgentboxError('CONFIG_INVALID', `server.host: ${why}; use 127.0.0.1`, { host });
  }
  const connections = new Connections(edge.settings);
  const server = createEdgeServer(edge, connections);
  await bound(server, host, port);
  const process = addProcessMetrics(edge.metrics);
  edge.metrics.gauge('agentbox_http_connections', 'Open connections.', () => connections.size);
  const address = boundAddress(server);
  let closing: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    await shutDown(server, edge, connections, graceMs);
    process.close();
  };
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    port: address.port,
    close: (graceMs) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
}

/** how often the time-outs of headers and bodies are looked at */
const CHECK_INTERVAL_MS = 1_000;

function createEdgeServer(edge: HttpEdge, connections: Connections): Server {
  const { settings } = edge;
  const server = createServer({
    maxHeaderSize: settings.maxHeaderBytes,
    headersTimeout: settings.headersTimeoutMs,
    // The edge times bodies itself, so that its refusal is a whole answer; this one is behind it.
    requestTimeout: settings.headersTimeoutMs + settings.bodyTimeoutMs + CHECK_INTERVAL_MS * 5,
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, settings.headersTimeoutMs),
    insecureHTTPParser: false,
    requireHostHeader: false,
    noDelay: true,
  });
  // One more than is allowed, so that the edge sees that there were too many instead of losing the rest.
  server.maxHeadersCount = settings.maxHeaders + 1;
  server.setTimeout(settings.stallTimeoutMs);
  server.on('connection', (socket: Socket) => {
    if (!connections.add(socket)) turnAway(edge, socket);
  });
  const serve = (incoming: Parameters<HttpEdge['listener']>[0], outgoing: ServerResponse): void => {
    connections.began(incoming.socket, outgoing);
    edge.listener(incoming, outgoing);
  };
  server.on('request', serve).on('checkContinue', serve);
  server.on('clientError', (fault: NodeJS.ErrnoException, socket: Socket) => {
    refuseBytes(edge, connections, fault, socket);
  });
  server.on('connect', (_request, socket: Socket) => declineTunnel(edge, socket));
  server.on('timeout', (socket: Socket) => {
    // Nothing moves: fine while an answer is being made, not between requests nor with bytes that nobody takes.
    if (connections.isIdle(socket) || socket.writableLength > 0) socket.destroy();
  });
  return server;
}

const NOT_A_PROXY = refuse('METHOD_NOT_ALLOWED', 'This server is not a proxy.');

function turnAway(edge: HttpEdge, socket: Socket): void {
  edge.countRefusal('OVERLOADED');
  socket.on('error', () => undefined);
  socket.end(rawRefusal(refuse('OVERLOADED', 'Too many connections.')), () => socket.destroy());
}

/** ms in which a client may read why its bytes were refused */
const FAREWELL_MS = 250;

/** For CONNECT, Node takes its own listeners off the socket: without one here a reset would end the server. */
function declineTunnel(edge: HttpEdge, socket: Socket): void {
  edge.countRefusal('METHOD_NOT_ALLOWED');
  socket.on('error', () => undefined);
  socket.end(rawRefusal(NOT_A_PROXY));
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
}

function refuseBytes(edge: HttpEdge, connections: Connections, fault: NodeJS.ErrnoException, socket: Socket): void {
  if (connections.wasRefused(socket)) return;
  if (!connections.mayRefuse(socket) || !socket.writable || fault.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const refusal = refusalOf(fault, edge);
  edge.countRefusal(refusal.code);
  socket.end(rawRefusal(refusal));
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
  socket.on('close', () => clearTimeout(timer));
}

function refusalOf(fault: NodeJS.ErrnoException, { settings }: HttpEdge): Refusal {
  if (fault.code === 'HPE_HEADER_OVERFLOW') {
    return refuse('HEADERS_TOO_LARGE', `The headers are larger than ${settings.maxHeaderBytes} bytes.`);
  }
  if (fault.code === 'ERR_HTTP_REQUEST_TIMEOUT') return refuse('REQUEST_TIMEOUT', 'The request took too long.');
  return refuse('MALFORMED_REQUEST', 'The bytes are not an HTTP/1.1 request.');
}

function bound(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (fault: NodeJS.ErrnoException) => {
    const busy = fault.code === 'EADDRINUSE';
    const message = busy ? `port ${port} of ${host} is taken` : `cannot listen on ${host}:${port}: ${fault.message}`;
    reject(new AgentboxError(busy ? 'ALREADY_RUNNING' : 'CONFIG_INVALID', message, { host, port }));
  });
  server.listen({ host, port, backlog: 511 }, resolve);
  return promise;
}

function boundAddress(server: Server): AddressInfo {
  const address = server.address();
  if (address !== null && typeof address === 'object') return address;
  throw new AgentboxError('INTERNAL', 'the server listens on no address');
}

const POLL_MS = 20;
/** ms for the last bytes of streams that were ended */
const STREAM_END_MS = 200;

async function shutDown(server: Server, edge: HttpEdge, connections: Connections, graceMs: number): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  edge.drain();
  await emptied(connections, graceMs);
  edge.endStreams();
  await emptied(connections, STREAM_END_MS);
  server.closeAllConnections();
  await closed;
}

async function emptied(connections: Connections, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  connections.destroyIdle();
  while (connections.size > 0 && performance.now() < deadline) {
    await delay(Math.min(POLL_MS, withinMs));
    connections.destroyIdle();
  }
}
