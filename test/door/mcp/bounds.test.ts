/** Bounds in time and number that are too large to be reached with the defaults. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { eventually, useGround } from './ground.ts';
import { errorOf, lastOf, modern, openSession, resultOf, textOf } from './raw-client.ts';

const ground = useGround({
  sessionIdleMs: 300,
  sweepMs: 50,
  requestsPerSession: 2,
  watchesPerSession: 2,
  taskTtlMs: 300,
});
const DECLARED = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

verifies('door.session.idle', async () => {
  const held = await openSession(ground().me);
  const events = await held.get();
  const idle = await openSession(ground().me);
  await eventually(() => ground().server.door.counters().sessions === 1, 'the idle session ends');
  assert.equal((await idle.request('ping')).status, 404);
  assert.equal((await held.request('ping')).status, 200);
  await events.close();
  await eventually(() => ground().server.door.counters().sessions === 0, 'without its stream it is idle too');
});

verifies('door.session.requests-bounded', async () => {
  const session = await openSession(ground().me);
  const streams = [
    await session.stream('tools/call', { name: 'hold' }, 1),
    await session.stream('tools/call', { name: 'hold' }, 2),
  ];
  await eventually(() => ground().probe.held === 2, 'two calls hold');
  const third = await session.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, 3);
  assert.equal(third.status, 429);
  assert.equal(lastOf(third)['id'], 3);
  assert.equal(ground().probe.held, 2);
  await session.notify('notifications/cancelled', { requestId: 1 });
  await eventually(() => ground().probe.held === 1, 'a place is free');
  const fourth = await session.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, 4);
  assert.equal(textOf(resultOf(fourth)), 'x');
  await session.end();
  await eventually(() => ground().probe.held === 0, 'the other call is aborted');
  for (const stream of streams) await stream.close();
});

verifies('door.session.watches-bounded', async () => {
  const session = await openSession(ground().me);
  const watch = (uri: string) => session.request('resources/subscribe', { uri });
  assert.deepEqual(resultOf(await watch('test://static-text')), {});
  assert.deepEqual(resultOf(await watch('test://static-binary')), {});
  assert.deepEqual(resultOf(await watch('test://static-text')), {}, 'it is watched already');
  assert.equal(errorOf(await watch('test://watched-resource'))['code'], -32_602);
  await session.request('resources/unsubscribe', { uri: 'test://static-text' });
  assert.deepEqual(resultOf(await watch('test://watched-resource')), {});
  await session.end();
});

verifies('door.tasks.ended', async () => {
  const { taskId } = resultOf(await modern(ground().me, 'tools/call', { name: 'job' }, DECLARED));
  assert.equal(resultOf(await modern(ground().me, 'tasks/get', { taskId }, DECLARED))['status'], 'working');
  await eventually(() => ground().server.door.counters().tasks === 0, 'the task ends its time');
  assert.equal(errorOf(await modern(ground().me, 'tasks/get', { taskId }, DECLARED))['code'], -32_602);
});
