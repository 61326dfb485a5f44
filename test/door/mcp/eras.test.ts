/** What both eras promise: one tool code, true capabilities, ordered lists, results that tell what to do. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { useGround } from './ground.ts';
import {
  at,
  errorOf,
  lastOf,
  modern,
  modernHeaders,
  modernMeta,
  openSession,
  post,
  resultOf,
  send,
  textOf,
} from './raw-client.ts';

const ground = useGround();
const REVISIONS = ['2025-03-26', '2025-06-18', '2025-11-25'] as const;
const ECHO = { name: 'echo', arguments: { text: 'grüße' } };

verifies(
  'door.era.one-tool-code',
  async () => {
    const answer = await modern(ground().me, 'tools/call', ECHO);
    assert.equal(textOf(resultOf(answer)), 'grüße');
    assert.equal(resultOf(answer)['resultType'], 'complete');
  },
  { cell: '2026-07-28' },
);

for (const revision of REVISIONS) {
  verifies(
    'door.era.one-tool-code',
    async () => {
      const session = await openSession(ground().me, revision);
      const result = resultOf(await session.request('tools/call', ECHO));
      assert.equal(textOf(result), 'grüße');
      assert.ok(!('resultType' in result), 'nothing of the later era');
      await session.end();
    },
    { cell: revision },
  );
}

verifies('door.era.capabilities-true', async () => {
  const discovered = resultOf(await modern(ground().me, 'server/discover'));
  const extensions = at(discovered, 'capabilities', 'extensions');
  assert.deepEqual(Object.keys(extensions).sort(), ['io.modelcontextprotocol/skills', 'io.modelcontextprotocol/tasks']);
  const served = { tools: 'tools/list', resources: 'resources/list', prompts: 'prompts/list' };
  for (const [name, method] of Object.entries(served)) {
    assert.ok(name in at(discovered, 'capabilities'), name);
    assert.equal((await modern(ground().me, method)).status, 200);
  }
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const opened = await post(ground().me, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }));
  const old = at(resultOf(opened), 'capabilities', 'extensions');
  assert.deepEqual(Object.keys(old), ['io.modelcontextprotocol/skills'], 'tasks are of the later era');
  await send(ground().me, 'DELETE', null, { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' });
});

verifies('door.era.versions', async () => {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2031-01-01' };
  const body = { jsonrpc: '2.0', id: 3, method: 'tools/list', params: { _meta: { ...modernMeta(), ...meta } } };
  const headers = { ...modernHeaders('tools/list', {}), 'mcp-protocol-version': '2031-01-01' };
  const answer = await post(ground().me, JSON.stringify(body), headers);
  assert.equal(answer.status, 400);
  assert.equal(errorOf(answer)['code'], -32_022);
  assert.deepEqual(at(errorOf(answer), 'data')['supported'], ['2026-07-28']);
});

verifies('door.era.methods', async () => {
  for (const method of ['GET', 'DELETE']) {
    const response = await send(ground().me, method, null, { 'mcp-protocol-version': '2026-07-28' });
    assert.equal(response.status, 405, method);
    await response.body?.cancel();
  }
  for (const method of ['no/such', 'initialize', 'ping', 'tasks/list', 'constructor', '__proto__']) {
    const answer = await modern(ground().me, method);
    assert.equal(answer.status, 404, method);
    assert.equal(errorOf(answer)['code'], -32_601, method);
  }
});

const CONTRADICTIONS = [
  ['another method', { 'mcp-method': 'tools/list' }],
  ['another name', { 'mcp-name': 'refuse' }],
  ['another revision', { 'mcp-protocol-version': '2025-11-25' }],
  ['a name badly encoded', { 'mcp-name': '=?base64?%%%?=' }],
] as const;

for (const [cell, headers] of CONTRADICTIONS) {
  verifies(
    'door.era.headers',
    async () => {
      const params = { ...ECHO, _meta: modernMeta() };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 4, method: 'tools/call', params });
      const answer = await post(ground().me, body, { ...modernHeaders('tools/call', ECHO), ...headers });
      assert.equal(answer.status, 400);
      assert.equal(errorOf(answer)['code'], -32_020);
      assert.equal(lastOf(answer)['id'], 4);
    },
    { cell },
  );
}

verifies('door.list.ordered', async () => {
  const first = resultOf(await modern(ground().me, 'tools/list'));
  const again = resultOf(await modern(ground().me, 'tools/list'));
  assert.deepEqual(first, again);
  assert.equal(first['cacheScope'], 'private');
  assert.ok(Number(first['ttlMs']) > 0);
  assert.ok(Array.isArray(first['tools']));
  const names = first['tools'].map((entry) => String(at(entry)['name']));
  assert.deepEqual(names, [...names].sort());
  const session = await openSession(ground().me);
  const old = resultOf(await session.request('tools/list'));
  assert.deepEqual(old['tools'], first['tools']);
  assert.ok(!('ttlMs' in old));
  await session.end();
});

for (const method of ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list', 'skills/list']) {
  verifies(
    'door.list.cursor',
    async () => {
      const answer = await modern(ground().me, method, { cursor: 'made-up' });
      assert.equal(errorOf(answer)['code'], -32_602);
    },
    { cell: method },
  );
}

const ERRORS = [
  ['a rule refuses', 'refuse', ['No.', 'machine.rules:7', 'Use echo.']],
  ['the tool fails', 'fail', ['there is no /nowhere', 'Check the path']],
] as const;

for (const [cell, name, words] of ERRORS) {
  verifies(
    'door.result.errors',
    async () => {
      for (const result of await inBothEras(name)) {
        assert.equal(result['isError'], true);
        assert.ok(!('structuredContent' in result), 'it would have to match the schema of the tool');
        for (const word of words) assert.ok(textOf(result).includes(word), word);
      }
    },
    { cell },
  );
}

async function inBothEras(name: string) {
  const session = await openSession(ground().me);
  const old = await session.request('tools/call', { name });
  await session.end();
  return [resultOf(await modern(ground().me, 'tools/call', { name })), resultOf(old)];
}

verifies(
  'door.result.errors',
  async () => {
    const answer = await modern(ground().me, 'tools/call', { name: 'no_such_tool' });
    assert.equal(errorOf(answer)['code'], -32_602);
    assert.match(String(errorOf(answer)['message']), /tools\/list/);
  },
  { cell: 'an unknown tool' },
);

verifies('door.result.fault-hidden', async () => {
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
  const answer = await modern(ground().me, 'tools/call', { name: 'break' }, {}, { traceparent });
  const text = textOf(resultOf(answer));
  assert.doesNotMatch(text, /hunter2|TypeError|\.ts/);
  assert.ok(text.includes('ab'.repeat(16)), 'the trace that the caller named');
  assert.ok(
    JSON.stringify(ground().server.faults, (_key, value: unknown) =>
      value instanceof Error ? value.message : value,
    ).includes('hunter2'),
  );
});
