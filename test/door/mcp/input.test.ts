/** What is no message, and what is one but abusive: the right refusal, and a server that goes on as if nothing was. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { useGround } from './ground.ts';
import { at, errorOf, modern, modernHeaders, modernMeta, openSession, post, resultOf, textOf } from './raw-client.ts';

const ground = useGround();
const CALL = { name: 'echo', arguments: { text: 'x' } };
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const message = (fields: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', ...fields });
const withMeta = (fields: object) => message({ params: { ...CALL, _meta: modernMeta() }, ...fields });

/** name, body, status, code of the error; whatever the revision that the headers name */
const BAD: readonly (readonly [string, string, number, number | null])[] = [
  ['nothing', '', 400, null],
  ['half a message', '{"jsonrpc":"2.0","id":1', 400, null],
  ['a text', '"hello"', 400, -32_600],
  ['null', 'null', 400, -32_600],
  ['a number', '7', 400, -32_600],
  ['an empty object', '{}', 400, -32_600],
  ['an empty batch', '[]', 400, -32_600],
  ['a batch of nothing', '[null,1,"x"]', 400, -32_600],
  ['a batch of 10,000', `[${Array.from({ length: 10_000 }, () => message({})).join(',')}]`, 400, -32_600],
  ['10,000 levels', message({ params: { deep: 0 } }).replace('0}', `${deep(10_000)}}`), 400, null],
  ['another JSON-RPC', message({ jsonrpc: '1.0' }), 400, -32_600],
  ['id null', withMeta({ id: null }), 400, -32_600],
  ['id 1.5', withMeta({ id: 1.5 }), 400, -32_600],
  ['id an object', withMeta({ id: {} }), 400, -32_600],
  ['id of 10,000 characters', withMeta({ id: 'x'.repeat(10_000) }), 400, -32_600],
  ['id beyond whole numbers', withMeta({}).replace('"id":1', '"id":1e300'), 400, -32_600],
  ['params a list', message({ params: [1] }), 400, -32_600],
  ['method a number', message({ method: 5 }), 400, -32_600],
  ['method of 10,000 characters', message({ method: 'x'.repeat(10_000) }), 400, -32_600],
  ['a result and a method missing', '{"jsonrpc":"2.0","id":1}', 400, -32_600],
];

for (const [cell, body, status, code] of BAD) {
  verifies(
    'door.input.refused',
    async () => {
      for (const headers of [{}, modernHeaders('tools/call', CALL)]) {
        const answer = await post(ground().me, body, headers);
        assert.equal(answer.status, status, JSON.stringify(answer.messages));
        if (code !== null) assert.equal(errorOf(answer)['code'], code);
        assert.ok(JSON.stringify(answer.messages).length < 2000, 'a refusal is short');
      }
      await assertServes();
    },
    { cell },
  );
}

verifies(
  'door.input.refused',
  async () => {
    for (const type of ['text/plain', 'application/json-patch+json', 'multipart/form-data; boundary=x']) {
      const answer = await post(ground().me, withMeta({}), {
        ...modernHeaders('tools/call', CALL),
        'content-type': type,
      });
      assert.equal(answer.status, 415, type);
    }
  },
  { cell: 'another content type' },
);

const BAD_PARAMS: readonly (readonly [string, object])[] = [
  ['no name', { arguments: {} }],
  ['name a number', { name: 5 }],
  ['name of 10,000 characters', { name: 'x'.repeat(10_000) }],
  ['arguments a text', { name: 'echo', arguments: 'x' }],
  ['arguments a list', { name: 'echo', arguments: [1] }],
];

for (const [cell, params] of BAD_PARAMS) {
  verifies(
    'door.input.refused',
    async () => {
      const fields = { name: 'name' in params ? params.name : undefined };
      const answer = await post(
        ground().me,
        message({ params: { ...params, _meta: modernMeta() } }),
        modernHeaders(
          'tools/call',
          typeof fields.name === 'string' && fields.name.length < 100 ? { name: fields.name } : {},
        ),
      );
      assert.ok(answer.status < 500);
      const code = errorOf(answer)['code'];
      assert.ok(code === -32_602 || code === -32_020, String(code));
      const session = await openSession(ground().me);
      assert.equal(errorOf(await session.request('tools/call', { ...params }))['code'], -32_602);
      await session.end();
    },
    { cell },
  );
}

const HARMLESS: readonly (readonly [string, string])[] = [
  [
    '__proto__ among the arguments',
    '{"text":"x","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  ],
  ['a lone surrogate', '{"text":"\\ud800 x"}'],
  ['NUL and the right-to-left mark', '{"text":"\\u0000\\u202e x"}'],
  ['a key twice', '{"text":"y","text":"x"}'],
];

for (const [cell, args] of HARMLESS) {
  verifies(
    'door.input.recovers',
    async () => {
      const body = withMeta({}).replace('{"text":"x"}', args);
      const answer = await post(ground().me, body, modernHeaders('tools/call', CALL));
      assert.ok(textOf(resultOf(answer)).endsWith('x'), JSON.stringify(answer.messages));
      assert.ok(textOf(resultOf(answer)).isWellFormed());
      assert.equal(Reflect.get({}, 'polluted'), undefined);
      await assertServes();
    },
    { cell },
  );
}

verifies(
  'door.input.recovers',
  async () => {
    const session = await openSession(ground().me);
    for (const body of [
      { id: 99, result: {} },
      { id: 'x', error: { code: 1, message: 'x' } },
    ]) {
      const answer = await post(ground().me, JSON.stringify({ jsonrpc: '2.0', ...body }), session.headers);
      assert.equal(answer.status, 202, 'an answer to nothing is taken and dropped');
    }
    for (const method of ['notifications/cancelled', 'notifications/unknown', 'notifications/progress']) {
      assert.ok((await session.notify(method, { requestId: 'nobody', progressToken: 1, progress: 1 })).status < 500);
    }
    assert.equal(errorOf(await session.request('no/such'))['code'], -32_601);
    assert.equal(textOf(resultOf(await session.request('tools/call', CALL))), 'x');
    await session.end();
  },
  { cell: 'answers and notifications of a session that nobody waits for' },
);

verifies(
  'door.input.recovers',
  async () => {
    const calls = Array.from({ length: 200 }, (_, index) =>
      modern(ground().me, 'tools/call', { ...CALL, arguments: { text: String(index) } }),
    );
    const texts = (await Promise.all(calls)).map((answer) => textOf(resultOf(answer)));
    const refused = texts.filter((text) => text.includes('calls')).length;
    assert.equal(
      new Set(texts.filter((text) => !text.includes('calls'))).size,
      200 - refused,
      'each its own answer, under one id',
    );
  },
  { cell: 'one id for many requests of 2026-07-28 at once' },
);

async function assertServes(): Promise<void> {
  assert.equal(textOf(resultOf(await modern(ground().me, 'tools/call', CALL))), 'x');
  assert.deepEqual(at({ faults: ground().server.faults }), { faults: [] });
}
