/** The short way of plain requests against the long way of the same ones: a progress token is what takes the long one. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { useGround } from './ground.ts';
import { type Answer, type Json, lastOf, modern } from './raw-client.ts';

const ground = useGround();
const LONG = { progressToken: 'long' };
const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

const REQUESTS: Readonly<Record<string, readonly [string, Json, Json]>> = {
  'the list of tools': ['tools/list', {}, {}],
  'a result': ['tools/call', { name: 'echo', arguments: { text: 'a\ud800b' } }, {}],
  'a failure': ['tools/call', { name: 'fail' }, {}],
  'a refusal': ['tools/call', { name: 'refuse' }, {}],
  'a question nobody can answer': ['tools/call', { name: 'confirm' }, {}],
  'an unknown tool': ['tools/call', { name: 'nope' }, {}],
  'arguments that are no object': ['tools/call', { name: 'echo', arguments: [] }, {}],
  'a wrong name': ['tools/call', { name: '' }, {}],
  'a cursor': ['tools/list', { cursor: 'x' }, {}],
};

/** What differs from call to call by its nature. */
const settled = (answer: Answer): unknown =>
  JSON.parse(JSON.stringify(lastOf(answer)).replaceAll(/trace[: ]+[0-9a-f]{32}/gi, 'trace'));

for (const [cell, [method, params, capabilities]] of Object.entries(REQUESTS)) {
  verifies(
    'door.era.plain-answers',
    async () => {
      const short = await modern(ground().me, method, params, capabilities);
      const long = await modern(ground().me, method, params, capabilities, LONG);
      assert.deepEqual(settled(short), settled(long));
      assert.equal(short.status, long.status);
      assert.match(String(short.headers.get('content-type')), /^application\/json/);
    },
    { cell },
  );
}

verifies(
  'door.era.plain-answers',
  async () => {
    const { me } = ground();
    const short = lastOf(await modern(me, 'tools/call', { name: 'job' }, TASKS));
    const long = lastOf(await modern(me, 'tools/call', { name: 'job' }, TASKS, LONG));
    const shape = ({ result, ...rest }: Json): Json => ({ ...rest, keys: Object.keys(Object(result)).sort() });
    assert.deepEqual(shape(short), shape(long));
    assert.ok(typeof Object(short['result']).taskId === 'string');
  },
  { cell: 'a task' },
);

verifies(
  'door.era.plain-answers',
  async () => {
    const { me } = ground();
    const before = lastOf(await modern(me, 'tools/list'));
    assert.deepEqual(lastOf(await modern(me, 'tools/list')), before);
    const others = JSON.stringify(lastOf(await modern(ground().other, 'tools/list')));
    assert.ok(!others.includes('guarded'), 'another set of scopes has another list');
    assert.ok(JSON.stringify(before).includes('guarded'));
  },
  { cell: 'a list that is kept' },
);

const BAD: Readonly<Record<string, Json>> = {
  'no capabilities': { 'io.modelcontextprotocol/clientCapabilities': undefined },
  'capabilities of a wrong form': { 'io.modelcontextprotocol/clientCapabilities': 7 },
  'a client of a wrong form': { 'io.modelcontextprotocol/clientInfo': { name: 7 } },
  'an unknown revision': { 'io.modelcontextprotocol/protocolVersion': '2031-01-01' },
};

for (const [cell, meta] of Object.entries(BAD)) {
  verifies(
    'door.era.plain-answers',
    async () => {
      const { me } = ground();
      assert.equal((await modern(me, 'tools/list')).status, 200, 'the same client, well-formed, is known');
      const answer = await modern(me, 'tools/list', {}, {}, meta);
      assert.equal(answer.status, 400);
      assert.ok('error' in lastOf(answer));
    },
    { cell },
  );
}
