/** What changes reaches who listens: sessions, listening streams, watchers; and no more of those than the bound. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { eventually, useGround } from './ground.ts';
import {
  at,
  type EventStream,
  errorOf,
  lastOf,
  modern,
  modernHeaders,
  modernMeta,
  openSession,
  readEvents,
  resultOf,
  send,
} from './raw-client.ts';

const ground = useGround({ listenStreamsPerPrincipal: 3 });

async function listen(id: number): Promise<EventStream> {
  const params = { notifications: { toolsListChanged: true }, _meta: modernMeta() };
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params });
  const headers = { 'content-type': 'application/json', ...modernHeaders('subscriptions/listen', {}) };
  return readEvents(await send(ground().me, 'POST', body, headers));
}

verifies('door.changed.everywhere', async () => {
  const stream = await listen(5);
  const first = await stream.next();
  assert.equal(first?.message?.['method'], 'notifications/subscriptions/acknowledged');
  const session = await openSession(ground().me);
  const events = await session.get();
  ground().probe.change();
  ground().probe.change();
  const told = await stream.next();
  assert.equal(told?.message?.['method'], 'notifications/tools/list_changed');
  assert.equal(at(told.message, 'params', '_meta')['io.modelcontextprotocol/subscriptionId'], 5);
  assert.equal((await events.next())?.message?.['method'], 'notifications/tools/list_changed');
  await stream.close();
  await events.close();
  await session.end();
});

verifies('door.listen.capped', async () => {
  await eventually(() => ground().server.door.counters().listenStreams === 0, 'earlier streams ended');
  const streams = [await listen(1), await listen(2), await listen(3)];
  for (const stream of streams) await stream.next();
  const answer = await modern(ground().me, 'subscriptions/listen', { notifications: { toolsListChanged: true } });
  assert.equal(errorOf(answer)['code'], -32_603);
  assert.equal(lastOf(answer)['id'], 1);
  await streams[0]?.close();
  await eventually(() => ground().server.door.counters().listenStreams === 2, 'a place is free');
  const again = await listen(4);
  assert.ok((await again.next()) !== undefined);
  for (const stream of [...streams, again]) await stream.close();
  await eventually(() => ground().server.door.counters().listenStreams === 0, 'every stream ended');
});

verifies('door.resources.unknown', async () => {
  for (const uri of ['test://nothing', 'nobody://x', 'no uri', 'skill://trip-planner/../../etc/passwd']) {
    const answer = await modern(ground().me, 'resources/read', { uri });
    assert.equal(errorOf(answer)['code'], -32_602, uri);
    assert.equal(at(errorOf(answer), 'data')['uri'], uri);
  }
});

verifies('door.resources.watched', async () => {
  const uri = 'test://watched-resource';
  const watcher = await openSession(ground().me);
  const other = await openSession(ground().me);
  const [told, untold] = [await watcher.get(), await other.get()];
  assert.deepEqual(resultOf(await watcher.request('resources/subscribe', { uri })), {});
  assert.equal(errorOf(await other.request('resources/subscribe', { uri: 'test://nothing' }))['code'], -32_602);
  ground().touch(uri);
  assert.equal(at((await told.next())?.message, 'params')['uri'], uri);
  ground().probe.change();
  assert.equal((await untold.next())?.message?.['method'], 'notifications/tools/list_changed', 'and nothing before it');
  await told.close();
  await untold.close();
  await watcher.end();
  await other.end();
});

verifies(
  'door.listen.capped',
  async () => {
    const params = { notifications: { toolsListChanged: true }, _meta: modernMeta() };
    const headers = { 'content-type': 'application/json', ...modernHeaders('subscriptions/listen', {}) };
    const bodies = Array.from({ length: 12 }, (_, id) =>
      JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params }),
    );
    const answers = await Promise.all(bodies.map((body) => send(ground().me, 'POST', body, headers)));
    const streams = answers.filter((answer) => answer.headers.get('content-type')?.startsWith('text/event-stream'));
    for (const answer of answers) await answer.body?.cancel();
    assert.equal(streams.length, 3);
  },
  { cell: 'a burst' },
);
