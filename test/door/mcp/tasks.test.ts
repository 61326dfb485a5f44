/** Tasks (SEP-2663): only for who declared them, only for their principal, never beyond the bound. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { eventually, useGround } from './ground.ts';
import { at, type Endpoint, errorOf, modern, openSession, resultOf, textOf } from './raw-client.ts';

const ground = useGround({ tasksPerPrincipal: 2 });
const DECLARED = { elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } };

const begin = async (to: Endpoint, name: string) => resultOf(await modern(to, 'tools/call', { name }, DECLARED));
const about = (to: Endpoint, method: string, taskId: unknown, more = {}) =>
  modern(to, method, { taskId, ...more }, DECLARED);

verifies('door.tasks.owner', async () => {
  const { taskId } = await begin(ground().me, 'job');
  for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
    const foreign = errorOf(await about(ground().other, method, taskId));
    const unknown = errorOf(await about(ground().other, method, 't_unknown'));
    assert.equal(foreign['code'], -32_602, method);
    assert.equal(foreign['message'], unknown['message']);
  }
  assert.equal(resultOf(await about(ground().me, 'tasks/get', taskId))['status'], 'working');
  assert.deepEqual(
    at(resultOf(await about(ground().me, 'tasks/cancel', taskId)), '_meta'),
    at(resultOf(await about(ground().me, 'tasks/cancel', taskId)), '_meta'),
  );
  assert.equal(resultOf(await about(ground().me, 'tasks/get', taskId))['status'], 'cancelled');
});

verifies('door.tasks.bounded', async () => {
  const kept = await begin(ground().other, 'job');
  const second = await begin(ground().other, 'job');
  const third = await begin(ground().other, 'job');
  assert.equal(second['resultType'], 'task');
  assert.equal(third['isError'], true);
  assert.match(textOf(third), /tasks of this principal/);
  assert.equal(resultOf(await about(ground().other, 'tasks/get', kept['taskId']))['status'], 'working');
  for (const { taskId } of [kept, second]) await about(ground().other, 'tasks/cancel', taskId);
});

verifies('door.tasks.declared', async () => {
  const result = resultOf(await modern(ground().me, 'tools/call', { name: 'asking_job' }));
  assert.equal(result['resultType'], 'complete');
  for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
    const answer = await modern(ground().me, method, { taskId: 't_x' });
    assert.equal(answer.status, 400);
    assert.equal(errorOf(answer)['code'], -32_021, method);
  }
  const session = await openSession(ground().me, '2025-11-25', DECLARED);
  assert.equal(errorOf(await session.request('tasks/get', { taskId: 't_x' }))['code'], -32_601, 'of the later era');
  await session.end();
});

verifies('door.tasks.question', async () => {
  const { taskId } = await begin(ground().me, 'asking_job');
  const status = async () => resultOf(await about(ground().me, 'tasks/get', taskId));
  await eventually(async () => (await status())['status'] === 'input_required', 'it asks');
  assert.ok('go' in at(await status(), 'inputRequests'));
  await about(ground().me, 'tasks/update', taskId, { inputResponses: { other: { action: 'accept' } } });
  assert.equal((await status())['status'], 'input_required', 'another key answers nothing');
  await about(ground().me, 'tasks/update', taskId, {
    inputResponses: { go: { action: 'accept', content: { ok: true } } },
  });
  await eventually(async () => (await status())['status'] === 'completed', 'it goes on');
  assert.equal(textOf(at(await status(), 'result')), 'went on');
});
