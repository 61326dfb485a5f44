/** Sessions of 2025-*: whose they are, how many, how a broken stream is resumed, what ends them. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { eventually, useGround } from './ground.ts';
import { at, errorOf, lastOf, modern, openSession, post, resultOf, type Session, send, textOf } from './raw-client.ts';

const ground = useGround({ sessionsPerPrincipal: 4, eventBytesPerSession: 4096 });
const isKnown = async (session: Session) => (await session.request('ping')).status === 200;

verifies('door.session.owner', async () => {
  const mine = await openSession(ground().me);
  const theirs = { ...mine.headers };
  const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
  const foreign = await post(ground().other, ping, theirs);
  const unknown = await post(ground().other, ping, { ...theirs, 'mcp-session-id': crypto.randomUUID() });
  assert.equal(foreign.status, 404);
  assert.deepEqual(foreign.messages, unknown.messages);
  for (const method of ['GET', 'DELETE']) {
    assert.equal((await send(ground().other, method, null, theirs)).status, 404, method);
  }
  assert.ok(await isKnown(mine));
  await mine.end();
});

verifies('door.session.caps', async () => {
  const sessions = [];
  for (let more = 0; more < 4; more += 1) sessions.push(await openSession(ground().me));
  const foreign = await openSession(ground().other);
  const [first, second] = sessions;
  assert.ok(first !== undefined && second !== undefined);
  await first.request('ping');
  const fifth = await openSession(ground().me);
  assert.ok(await isKnown(first), 'it was used a moment ago');
  assert.ok(!(await isKnown(second)), 'it was idle the longest');
  assert.ok(await isKnown(foreign), 'nobody pays for another');
  for (const session of [...sessions, foreign, fifth]) await session.end();
});

verifies('door.session.busy-kept', async () => {
  const sessions = [];
  for (let more = 0; more < 4; more += 1) sessions.push(await openSession(ground().me));
  const streams = await Promise.all(sessions.map((session) => session.stream('tools/call', { name: 'hold' })));
  await eventually(() => ground().probe.held === 4, 'four calls hold');
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const refused = await post(ground().me, JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'initialize', params }));
  assert.equal(refused.status, 429);
  assert.equal(lastOf(refused)['id'], 9);
  assert.equal(ground().probe.held, 4);
  for (const session of sessions) await session.end();
  await eventually(() => ground().probe.held === 0, 'the calls are aborted');
  for (const stream of streams) await stream.close();
});

verifies('door.session.end', async () => {
  const session = await openSession(ground().me);
  const stream = await session.stream('tools/call', { name: 'hold' });
  await eventually(() => ground().probe.held === 1, 'the call holds');
  assert.equal(await session.end(), 200);
  await eventually(() => ground().probe.held === 0, 'the call is aborted');
  assert.equal(await stream.next(({ message }) => message?.['id'] !== undefined), undefined);
  assert.equal(await session.end(), 404);
  assert.ok(!(await isKnown(session)));
});

/** Breaks the stream of a call after its first event and gives back the id to resume from. */
async function breakStream(session: Session): Promise<string> {
  const params = { name: 'later', arguments: { text: 'kept' }, _meta: { progressToken: 'p' } };
  const stream = await session.stream('tools/call', params, 'broken');
  const event = await stream.next(({ message }) => message?.['method'] === 'notifications/progress');
  await stream.close();
  assert.ok(event?.id !== null && event?.id !== undefined);
  return event.id;
}

verifies('door.session.resume', async () => {
  const session = await openSession(ground().me);
  const id = await breakStream(session);
  const resumed = await session.get({ 'last-event-id': id });
  const event = await resumed.next();
  assert.equal(event?.message?.['id'], 'broken');
  assert.equal(textOf(at(event.message, 'result')), 'later kept');
  assert.equal(await resumed.next(), undefined, 'the stream ends with the answer');
  await session.end();
});

verifies(
  'door.session.resume',
  async () => {
    const session = await openSession(ground().me);
    const id = await breakStream(session);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const resumed = await session.get({ 'last-event-id': id });
    assert.equal(textOf(at((await resumed.next())?.message, 'result')), 'later kept');
    await session.end();
  },
  { cell: 'after the answer was made' },
);

verifies('door.session.resume-bounded', async () => {
  const session = await openSession(ground().me);
  const other = await openSession(ground().me);
  const id = await breakStream(session);
  assert.equal((await other.get({ 'last-event-id': id })).status, 400, 'of another session');
  assert.equal((await session.get({ 'last-event-id': 'made-up' })).status, 400);
  const text = 'x'.repeat(3000);
  for (let more = 0; more < 4; more += 1)
    await session.request('tools/call', { name: 'echo', arguments: { text } }, more);
  assert.equal((await session.get({ 'last-event-id': id })).status, 400, 'dropped: said, not served with a gap');
  assert.ok(ground().server.door.counters().sessionEventBytes <= 2 * 4096);
  await session.end();
  await other.end();
  assert.equal(ground().server.door.counters().sessionEventBytes, 0);
});

verifies('door.session.duplicate-id', async () => {
  const session = await openSession(ground().me);
  const first = await session.stream('tools/call', { name: 'later', arguments: { text: 'first' } }, 7);
  const second = await session.request('tools/call', { name: 'echo', arguments: { text: 'second' } }, 7);
  assert.equal(second.status, 400);
  assert.equal(errorOf(second)['code'], -32_600);
  const answer = await first.next(({ message }) => message?.['id'] === 7);
  assert.equal(textOf(at(answer?.message, 'result')), 'later first');
  await session.end();
});

for (const [revision, status] of [
  ['2025-03-26', 200],
  ['2025-06-18', 400],
  ['2025-11-25', 400],
] as const) {
  verifies(
    'door.session.batch',
    async () => {
      const session = await openSession(ground().me, revision);
      const call = (id: number) => ({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'echo', arguments: { text: String(id) } },
      });
      const answer = await post(ground().me, JSON.stringify([call(1), call(2)]), session.headers);
      assert.equal(answer.status, status);
      if (status === 200)
        assert.deepEqual(answer.messages.map((message) => textOf(at(message, 'result'))).sort(), ['1', '2']);
      else assert.equal(errorOf(answer)['code'], -32_600);
      assert.equal(
        (await post(ground().me, JSON.stringify([call(3), call(3)]), session.headers)).status,
        400,
        'one id twice',
      );
      await session.end();
    },
    { cell: revision },
  );
}

verifies('door.session.revoked', async () => {
  const { server } = ground();
  const { id } = await server.principals.create('leaving', ['exec']);
  const to = { url: server.url, token: (await server.principals.issue(id)).token };
  const session = await openSession(to);
  const stream = await session.stream('tools/call', { name: 'hold' });
  const events = await session.get();
  const job = await modern(to, 'tools/call', { name: 'job' }, { extensions: { 'io.modelcontextprotocol/tasks': {} } });
  const taskId = resultOf(job)['taskId'];
  await eventually(() => ground().probe.held === 1, 'the call holds');
  await server.door.disconnect(id);
  assert.equal(await events.next(), undefined);
  await eventually(() => ground().probe.held === 0, 'the call is aborted');
  assert.ok(!(await isKnown(session)));
  const task = await modern(to, 'tasks/get', { taskId }, { extensions: { 'io.modelcontextprotocol/tasks': {} } });
  assert.equal(resultOf(task)['status'], 'cancelled');
  await stream.close();
});
