/** A question in every era: what it is bound to, how it is pushed, what a decline does, what waits. */
import assert from 'node:assert/strict';
import { verifies } from '../../requirements/verifies.ts';
import { useGround } from './ground.ts';
import {
  type Answer,
  at,
  type Endpoint,
  errorOf,
  type Json,
  lastOf,
  modern,
  openSession,
  post,
  resultOf,
  textOf,
} from './raw-client.ts';

const ground = useGround({ questionsPerPrincipal: 4 });
const ASKS = { elicitation: { form: {} } };
const CONFIRM = { name: 'confirm', arguments: { text: 'a' } };
const ACCEPT = { go: { action: 'accept', content: { ok: true } } };

async function ask(to: Endpoint): Promise<string> {
  const result = resultOf(await modern(to, 'tools/call', CONFIRM, ASKS));
  assert.equal(result['resultType'], 'input_required');
  assert.equal(at(result, 'inputRequests', 'go')['method'], 'elicitation/create');
  const state = result['requestState'];
  assert.ok(typeof state === 'string');
  assert.ok(!Buffer.from(state, 'base64url').toString('latin1').includes('secret-state'), 'nobody reads the state');
  return state;
}

const retry = (to: Endpoint, requestState: unknown, call: Json = CONFIRM) =>
  modern(to, 'tools/call', { ...call, inputResponses: ACCEPT, requestState }, ASKS);

function assertRefused(answer: Answer): void {
  assert.equal(errorOf(answer)['code'], -32_602, JSON.stringify(lastOf(answer)));
}

verifies('door.question.once', async () => {
  const state = await ask(ground().me);
  assert.equal(textOf(resultOf(await retry(ground().me, state))), 'went on with secret-state');
  assertRefused(await retry(ground().me, state));
});

const ABUSES: readonly (readonly [string, (state: string) => Promise<Answer>])[] = [
  ['by another principal', (state) => retry(ground().other, state)],
  ['with other arguments', (state) => retry(ground().me, state, { name: 'confirm', arguments: { text: 'b' } })],
  ['for another tool', (state) => retry(ground().me, state, { name: 'insist', arguments: { text: 'a' } })],
  ['changed', (state) => retry(ground().me, `${state.slice(0, -2)}AA`)],
  ['lengthened', (state) => retry(ground().me, `${state}A`)],
  ['empty', () => retry(ground().me, '')],
  ['no text', () => retry(ground().me, 7)],
  ['an object', () => retry(ground().me, { state: 'x' })],
];

for (const [cell, abuse] of ABUSES) {
  verifies(
    'door.question.once',
    async () => {
      const state = await ask(ground().me);
      const before = ground().probe.calls.get('confirm');
      assertRefused(await abuse(state));
      assert.equal(ground().probe.calls.get('confirm'), before, 'the tool never saw it');
    },
    { cell },
  );
}

verifies(
  'door.question.once',
  async () => {
    const answer = await modern(ground().me, 'tools/call', { ...CONFIRM, inputResponses: ACCEPT }, ASKS);
    assert.equal(resultOf(answer)['resultType'], 'input_required', 'asked, not believed');
  },
  { cell: 'answers to no question' },
);

verifies('door.question.bounded', async () => {
  const first = await ask(ground().me);
  for (let more = 0; more < 4; more += 1) await ask(ground().me);
  assertRefused(await retry(ground().me, first));
  assert.ok(ground().server.door.counters().openQuestions <= 4);
});

/** Calls a tool in a session and answers the one question that is pushed. */
async function answerPushed(name: string, answer: Json): Promise<Json> {
  const session = await openSession(ground().me, '2025-06-18', { elicitation: {} });
  const stream = await session.stream('tools/call', { name, arguments: {} }, 'call');
  const pushed = await stream.next(({ message }) => message?.['method'] === 'elicitation/create');
  const id = pushed?.message?.['id'];
  await post(ground().me, JSON.stringify({ jsonrpc: '2.0', id, result: answer }), session.headers);
  const last = await stream.next(({ message }) => message !== null);
  assert.equal(last?.message?.['id'], 'call');
  await session.end();
  return at(last.message, 'result');
}

verifies('door.question.pushed', async () => {
  const result = await answerPushed('confirm', { action: 'accept', content: { ok: true } });
  assert.equal(textOf(result), 'went on with secret-state');
});

for (const action of ['decline', 'cancel']) {
  verifies(
    'door.question.declined',
    async () => {
      const result = await answerPushed('insist', { action });
      assert.equal(result['isError'], true);
      assert.match(textOf(result), /declined/);
    },
    { cell: `${action} in a session` },
  );

  verifies(
    'door.question.declined',
    async () => {
      const asked = resultOf(await modern(ground().me, 'tools/call', { name: 'insist' }, ASKS));
      const params = { name: 'insist', inputResponses: { go: { action } }, requestState: asked['requestState'] };
      const result = resultOf(await modern(ground().me, 'tools/call', params, ASKS));
      assert.equal(result['resultType'], 'complete');
      assert.match(textOf(result), /declined/);
    },
    { cell: `${action} in a retry` },
  );
}

verifies('door.question.unanswerable', async () => {
  const session = await openSession(ground().me, '2025-06-18');
  const results = [
    resultOf(await modern(ground().me, 'tools/call', CONFIRM)),
    resultOf(await session.request('tools/call', CONFIRM)),
  ];
  await session.end();
  for (const result of results) {
    assert.equal(result['isError'], true);
    assert.match(textOf(result), /Go on\?/);
  }
});
