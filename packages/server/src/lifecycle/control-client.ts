/** The command line's end of the control socket. */
import { createConnection, type Socket } from 'node:net';
import { AgentboxError, type AuditRecord, parseErrorCode } from '@agentbox/protocol';
import { z } from 'zod';
import { caller, createdCaller } from './callers.ts';
import { type ControlRequest, withShortPath } from './control-socket.ts';
import { type Inbox, remoteInbox } from './inbox.ts';
import type { Operator } from './operator.ts';

const replySchema = z.union([
  z.object({ ok: z.unknown() }),
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
]);

/** The server wrote these records itself, in the shape of the protocol: only the envelope is looked at again. */
const recordsSchema = z.custom<readonly AuditRecord[]>(
  (value) => Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null && 'seq' in one),
);

const NEWLINE = 0x0a;

export async function connectOperator(path: string): Promise<Operator & AsyncDisposable> {
  const socket = await withShortPath(path, connected);
  const ask = (request: ControlRequest): Promise<unknown> => exchange(socket, request);
  return {
    rotateToken: async () => z.string().parse(await ask({ op: 'rotate-token' })),
    createToken: async (wanted) => createdCaller.parse(await ask({ op: 'create-token', ...wanted })),
    listTokens: async () => z.array(caller).parse(await ask({ op: 'list-tokens' })),
    revokeToken: async (name) => z.number().parse(await ask({ op: 'revoke-token', name })),
    readAudit: async (from, limit) => recordsSchema.parse(await ask({ op: 'read-audit', from, limit })),
    lastAudit: async (count) => recordsSchema.parse(await ask({ op: 'last-audit', count })),
    [Symbol.asyncDispose]: () => {
      socket.destroy();
      return Promise.resolve();
    },
  };
}

/** What waits for a person, in the running server. One request at a time: who waits for news needs a second one. */
export async function connectInbox(path: string): Promise<Inbox & AsyncDisposable> {
  const socket = await withShortPath(path, connected);
  return {
    ...remoteInbox((request) => exchange(socket, request)),
    [Symbol.asyncDispose]: () => {
      socket.destroy();
      return Promise.resolve();
    },
  };
}

/** A connection that carries MCP from here on. */
export async function connectMcp(path: string): Promise<Socket> {
  const socket = await withShortPath(path, connected);
  await exchange(socket, { op: 'stdio' });
  return socket;
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('error', (fault) =>
      reject(new AgentboxError('NOT_RUNNING', `the server does not answer (${fault.message})`)),
    );
    socket.once('connect', () => {
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}

async function exchange(socket: Socket, request: ControlRequest): Promise<unknown> {
  socket.write(`${JSON.stringify(request)}\n`);
  const reply = replySchema.parse(JSON.parse(await readLine(socket)));
  if ('error' in reply) throw new AgentboxError(parseErrorCode(reply.error.code) ?? 'INTERNAL', reply.error.message);
  return reply.ok;
}

/** What comes after the line stays in the socket. */
function readLine(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  const onClose = (): void => reject(new AgentboxError('NOT_RUNNING', 'the server ended while it was asked'));
  const onData = (chunk: Buffer): void => {
    const end = chunk.indexOf(NEWLINE);
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    if (end === -1) return;
    socket.off('data', onData).off('close', onClose).pause();
    socket.unshift(chunk.subarray(end + 1));
    resolve(Buffer.concat(chunks).toString('utf8'));
  };
  socket.on('data', onData).once('close', onClose).resume();
  return promise;
}
