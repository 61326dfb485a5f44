/**
 * HOME/control.sock: the command line asks the running server, one JSON request and one JSON answer on a line each;
 * after `stdio` the connection carries MCP. Only the owner of the home can reach the socket.
 * Bounds: 16 connections, 16 KiB a request, one request at a time.
 */
import { chmodSync, closeSync, openSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { unreachable } from '@agentbox/base';
import { AgentboxError } from '@agentbox/protocol';
import { z } from 'zod';
import { newCaller } from './callers.ts';
import { type Inbox, inboxRequests, performInbox } from './inbox.ts';
import type { Operator } from './operator.ts';

const controlRequest = z.discriminatedUnion('op', [
  z.object({ op: z.literal('rotate-token') }),
  newCaller.extend({ op: z.literal('create-token') }),
  z.object({ op: z.literal('list-tokens') }),
  z.object({ op: z.literal('revoke-token'), name: z.string() }),
  z.object({ op: z.literal('read-audit'), from: z.int().min(0), limit: z.int().min(1) }),
  z.object({ op: z.literal('last-audit'), count: z.int().min(1) }),
  ...inboxRequests,
  z.object({ op: z.literal('stdio') }),
]);
export type ControlRequest = z.output<typeof controlRequest>;

export interface ControlHandlers {
  readonly operator: Operator;
  readonly inbox: Inbox;
  /** takes the connection over; settles when its client is gone */
  serveMcp(socket: Socket): Promise<void>;
}

const MAX_CONNECTIONS = 16;
const MAX_REQUEST_BYTES = 16_384;
/** the kernel's limit for the path of a socket, with room for the end */
const MAX_SOCKET_PATH = 100;
const NEWLINE = 0x0a;

/** A path of any length, made short through the open directory while `use` runs. */
export async function withShortPath<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return use(path);
  const directory = openSync(dirname(path), 'r');
  try {
    return await use(join('/proc/self/fd', String(directory), basename(path)));
  } finally {
    closeSync(directory);
  }
}

/** The caller holds the lock of the home, so a socket that stands there is a dead server's. */
export async function listenForOperator(path: string, handlers: ControlHandlers): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    receive(socket, handlers);
  });
  server.maxConnections = MAX_CONNECTIONS;
  rmSync(path, { force: true });
  await withShortPath(path, (short) => listening(server, short));
  chmodSync(path, 0o600);
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((done) => server.close(() => done()));
      rmSync(path, { force: true });
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}

/** Reads one line, pauses, answers, and goes on: nothing is read ahead of an answer. */
function receive(socket: Socket, handlers: ControlHandlers): void {
  let held = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    const end = held.indexOf(NEWLINE);
    if (end === -1 && held.length <= MAX_REQUEST_BYTES) return;
    socket.off('data', onData).pause();
    if (end === -1 || end > MAX_REQUEST_BYTES) {
      socket.destroy();
      return;
    }
    const line = held.toString('utf8', 0, end);
    socket.unshift(held.subarray(end + 1));
    serve(line, socket, handlers).catch(() => socket.destroy());
  };
  // A paused socket stays paused although somebody listens.
  socket.on('data', onData).resume();
}

async function serve(line: string, socket: Socket, handlers: ControlHandlers): Promise<void> {
  const request = parseRequest(line);
  if (request?.op === 'stdio') {
    socket.write(`${JSON.stringify({ ok: true })}\n`);
    const served = handlers.serveMcp(socket);
    socket.resume();
    await served;
    socket.destroy();
    return;
  }
  const answer =
    request === undefined
      ? { error: { code: 'MALFORMED_REQUEST', message: 'not a request of the control socket' } }
      : await perform(request, handlers);
  socket.write(`${JSON.stringify(answer)}\n`);
  receive(socket, handlers);
}

function parseRequest(line: string): ControlRequest | undefined {
  try {
    return controlRequest.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

async function perform(request: Exclude<ControlRequest, { op: 'stdio' }>, handlers: ControlHandlers): Promise<unknown> {
  try {
    return { ok: await ask(request, handlers) };
  } catch (fault) {
    const { code, message } = fault instanceof AgentboxError ? fault : new AgentboxError('INTERNAL', String(fault));
    return { error: { code, message } };
  }
}

function ask(
  request: Exclude<ControlRequest, { op: 'stdio' }>,
  { operator, inbox }: ControlHandlers,
): Promise<unknown> {
  switch (request.op) {
    case 'rotate-token':
      return operator.rotateToken();
    case 'create-token':
      return operator.createToken(request);
    case 'list-tokens':
      return operator.listTokens();
    case 'revoke-token':
      return operator.revokeToken(request.name);
    case 'read-audit':
      return operator.readAudit(request.from, request.limit);
    case 'last-audit':
      return operator.lastAudit(request.count);
    case 'list-questions':
    case 'find-questions':
    case 'next-questions':
    case 'answer-question':
      return performInbox(request, inbox);
    default:
      return unreachable(request);
  }
}
