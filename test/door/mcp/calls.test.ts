/** A call on its way: aborts and their reasons, progress, log entries. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { eventually, useGround } from './ground.ts';
import { modern, modernHeaders, modernMeta, openSession, resultOf, send, textOf } from './raw-client.ts';

const ground = useGround();
const HOLD = { name: 'hold', arguments: {} };
const lastAbort = () => ground().probe.aborts.at(-1);

const WAYS = [
  ['before the answer began', {}],
  ['while the answer streams', { progressToken: 1 }],
] as const;

for (const [cell, meta] of WAYS) {
  verifies(
    'door.cancel.reasons',
    async () => {
      const connection = new AbortController();
      const params = { ...HOLD, _meta: { ...modernMeta(), ...meta } };
      const headers = { 'content-type': 'application/json', ...modernHeaders('tools/call', HOLD) };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
      send(ground().me, 'POST', body, headers, connection.signal).catch(() => undefined);
      await eventually(() => ground().probe.held === 1, 'the call holds');
      connection.abort();
      await eventually(() => ground().probe.held === 0, 'the call is aborted');
      assert.equal(lastAbort(), 'disconnected');
    },
    { cell: `the connection of 2026-07-28 closes ${cell}` },
  );
}

verifies(
  'door.cancel.reasons',
  async () => {
    const session = await openSession(ground().me);
    const stream = await session.stream('tools/call', HOLD, 'held');
    await eventually(() => ground().probe.held === 1, 'the call holds');
    await session.notify('notifications/cancelled', { requestId: 'held', reason: 'disconnected' });
    await eventually(() => ground().probe.held === 0, 'the call is aborted');
    assert.equal(lastAbort(), 'cancelled', 'whatever reason the client wrote');
    assert.equal(await stream.next(), undefined, 'the stream ends without an answer');
    await session.end();
  },
  { cell: 'a session cancels' },
);

verifies(
  'door.cancel.reasons',
  async () => {
    const session = await openSession(ground().me);
    const stream = await session.stream('tools/call', HOLD, 'held');
    await eventually(() => ground().probe.held === 1, 'the call holds');
    await stream.close();
    assert.equal((await session.request('ping')).status, 200);
    assert.equal(ground().probe.held, 1, 'a stream of a session can be resumed, so its end cancels nothing');
    await session.end();
    await eventually(() => ground().probe.held === 0, 'the call is aborted');
    assert.equal(lastAbort(), 'disconnected');
  },
  { cell: 'a session ends' },
);

verifies('door.cancel.forgotten', async () => {
  const session = await openSession(ground().me);
  for (let round = 0; round < 20; round += 1) {
    const stream = await session.stream('tools/call', HOLD, 'same');
    await eventually(() => ground().probe.held === 1, 'the call holds');
    await session.notify('notifications/cancelled', { requestId: 'same' });
    assert.equal(await stream.next(), undefined);
    await eventually(() => ground().probe.held === 0, 'the call is aborted');
  }
  assert.equal(
    textOf(resultOf(await session.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, 'same'))),
    'x',
  );
  await session.end();
});

verifies('door.progress.token', async () => {
  const withToken = await modern(
    ground().me,
    'tools/call',
    { name: 'later', arguments: { text: 'a' } },
    {},
    { progressToken: 'p' },
  );
  assert.deepEqual(
    withToken.messages.map((message) => message['method']),
    ['notifications/progress', undefined],
  );
  assert.equal(textOf(resultOf(withToken)), 'later a');
  const without = await modern(ground().me, 'tools/call', { name: 'later', arguments: { text: 'b' } });
  assert.equal(without.messages.length, 1);
});

verifies('door.progress.flood', async () => {
  const answer = await modern(ground().me, 'tools/call', { name: 'flood' }, {}, { progressToken: 'p' });
  const values = answer.messages.flatMap((message) => {
    const params = message['params'];
    return typeof params === 'object' && params !== null && 'progress' in params ? [Number(params.progress)] : [];
  });
  assert.ok(values.length > 10 && values.length < 200, String(values.length));
  assert.deepEqual(
    values,
    [...values].sort((a, b) => a - b),
    'never backwards',
  );
  assert.equal(textOf(resultOf(answer)), 'flooded');
});

const LEVELS = [
  ['nothing is asked for', {}, 0],
  ['errors are asked for', { 'io.modelcontextprotocol/logLevel': 'error' }, 1],
  ['everything is asked for', { 'io.modelcontextprotocol/logLevel': 'debug' }, 2],
] as const;

for (const [cell, meta, expected] of LEVELS) {
  verifies(
    'door.log.level',
    async () => {
      const answer = await modern(ground().me, 'tools/call', { name: 'log' }, {}, meta);
      assert.equal(answer.messages.filter((message) => message['method'] === 'notifications/message').length, expected);
    },
    { cell },
  );
}

verifies(
  'door.log.level',
  async () => {
    const session = await openSession(ground().me);
    assert.equal((await session.request('tools/call', { name: 'log' })).messages.length, 3);
    await session.request('logging/setLevel', { level: 'error' });
    const answer = await session.request('tools/call', { name: 'log' });
    assert.equal(answer.messages.length, 2);
    assert.equal(textOf(resultOf(answer)), 'logged');
    await session.end();
  },
  { cell: 'a session chooses' },
);
