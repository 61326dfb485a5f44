/** How long a stream lasts: until its token ends, its principal loses it, or the server stops. */
import assert from 'node:assert/strict';
import { startProductServer } from '../../conformance/product-server.ts';
import { verifies } from '../../requirements/verifies.ts';
import { eventually, useGround } from './ground.ts';
import { createProbePack } from './probe-tools.ts';
import {
  type Endpoint,
  type EventStream,
  type Json,
  modernHeaders,
  modernMeta,
  openSession,
  readEvents,
  send,
} from './raw-client.ts';

const ground = useGround();
/** Long enough for a stream to open on a busy machine. */
const TOKEN_MS = 3000;

async function stream(to: Endpoint, method: string, params: Json, meta: Json = {}): Promise<EventStream> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method,
    params: { ...params, _meta: { ...modernMeta(), ...meta } },
  });
  const headers = { 'content-type': 'application/json', ...modernHeaders(method, params) };
  return readEvents(await send(to, 'POST', body, headers));
}

const listen = (to: Endpoint): Promise<EventStream> =>
  stream(to, 'subscriptions/listen', { notifications: { toolsListChanged: true } });

const OPENERS: Readonly<Record<string, (to: Endpoint) => Promise<EventStream>>> = {
  'subscriptions/listen': listen,
  'a call that reports progress': (to) => stream(to, 'tools/call', { name: 'hold' }, { progressToken: 1 }),
  'GET of a session': async (to) => (await openSession(to)).get(),
  'a call of a session': async (to) => (await openSession(to)).stream('tools/call', { name: 'hold' }),
};

for (const [cell, open] of Object.entries(OPENERS)) {
  verifies(
    'door.stream.expires',
    async () => {
      const { server } = ground();
      const { id } = await server.principals.create('short', ['exec']);
      const issued = await server.principals.issue(id, { expiresAt: Date.now() + TOKEN_MS });
      const events = await open({ url: server.url, token: issued.token });
      assert.equal(events.status, 200);
      const startedAt = performance.now();
      while ((await events.next()) !== undefined);
      assert.ok(performance.now() - startedAt < TOKEN_MS + 10_000);
      await server.door.disconnect(id);
      await eventually(() => ground().probe.held === 0, 'nothing is held');
    },
    { cell: `${cell}, the token ends` },
  );
  verifies(
    'door.stream.expires',
    async () => {
      const { server } = ground();
      const { id } = await server.principals.create('revoked', ['exec']);
      const events = await open({ url: server.url, token: (await server.principals.issue(id)).token });
      await server.door.disconnect(id);
      while ((await events.next()) !== undefined);
      await eventually(() => ground().probe.held === 0, 'the call is aborted');
    },
    { cell: `${cell}, the principal loses it` },
  );
}

verifies('door.shutdown.listening', async () => {
  const server = await startProductServer({ tools: [createProbePack().provider] });
  const events = await listen(server);
  assert.equal((await events.next())?.message?.['method'], 'notifications/subscriptions/acknowledged');
  const closing = server[Symbol.asyncDispose]();
  const last = await events.next(({ message }) => message !== null && 'result' in message);
  assert.equal(last?.message?.['id'], 1);
  assert.equal(await events.next(), undefined);
  await closing;
});
