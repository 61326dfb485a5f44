/** One call from the door to the answer: what runs, what does not, and what the record says of it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ToolOutcome } from '@agentbox/control-plane';
import { AgentboxError, type AuditRecord, type ErrorCode } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { caller, openHouse, provider, request, text, tool } from './house.ts';

const kinds = (records: readonly AuditRecord[]): readonly string[] =>
  records.map(({ kind, outcome }) => `${kind} ${outcome}`);
const sha256 = (said: string): string => createHash('sha256').update(said).digest('hex');

function failure(outcome: ToolOutcome): Extract<ToolOutcome, { kind: 'failed' }> {
  assert.equal(outcome.kind, 'failed');
  return outcome;
}

verifies('control.call.unknown-tool', async () => {
  const machine = provider('machine', [tool('run')]);
  await using house = await openHouse({ provider: machine });
  const outcome = failure(await house.pipeline.call(request('walk'.repeat(100), {})));
  assert.equal(outcome.code, 'TOOL_NOT_FOUND');
  const [record] = await house.records();
  assert.deepEqual(
    [record?.kind, record?.subject.length, record?.detail],
    ['call.refused', 64, { code: 'TOOL_NOT_FOUND' }],
  );
});

verifies('control.call.scope', async () => {
  const machine = provider('machine', [tool('patch', { scopes: ['exec', 'files'] })]);
  await using house = await openHouse({ provider: machine });
  const outcome = failure(await house.pipeline.call(request('patch', {}, caller('exec', 'skills'))));
  assert.equal(outcome.code, 'INSUFFICIENT_SCOPE');
  assert.deepEqual(outcome.detail, { required: ['exec', 'files'], missing: ['files'] });
  assert.equal(machine.calls.length, 0);
  assert.deepEqual(kinds(await house.records()), ['call.refused refused']);
});

function nested(levels: number): unknown {
  let value: unknown = {};
  for (let level = 1; level < levels; level += 1) value = { inner: value };
  return value;
}

const BAD_ARGUMENTS: readonly (readonly [string, unknown, RegExp])[] = [
  ['a list', [1], /must be an object, not a list/],
  ['text', '{}', /not a string/],
  ['a number', 7, /not a number/],
  ['65 levels', nested(65), /deeper than 64/],
  ['100,000 levels', nested(100_000), /deeper than 64/],
  ['too long', { text: 'x'.repeat(1000) }, /have 1011 characters, at most 1000/],
];

for (const [cell, args, why] of BAD_ARGUMENTS) {
  verifies(
    'control.call.arguments',
    async () => {
      const machine = provider('machine', [tool('run')]);
      await using house = await openHouse({ provider: machine, limits: { argumentChars: 1000 } });
      const outcome = failure(await house.pipeline.call(request('run', args)));
      assert.equal(outcome.code, 'INVALID_ARGUMENTS');
      assert.match(outcome.message, why);
      assert.equal(machine.calls.length, 0);
    },
    { cell },
  );
}

verifies(
  'control.call.arguments',
  async () => {
    const machine = provider('machine', [tool('run')]);
    await using house = await openHouse({ provider: machine });
    for (const args of [undefined, null, {}, nested(64)]) {
      assert.equal((await house.pipeline.call(request('run', args))).kind, 'done');
    }
    assert.deepEqual(machine.calls[0]?.arguments, {});
  },
  { cell: 'left out, empty and as deep as may be' },
);

verifies('control.call.recorded-first', async () => {
  const seen: (readonly string[])[] = [];
  const machine = provider('machine', [tool('run')], async () => {
    seen.push(kinds(await house.records()));
    return text('ran');
  });
  await using house = await openHouse({ provider: machine });
  assert.equal((await house.pipeline.call(request('run', {}))).kind, 'done');
  assert.deepEqual(seen, [['call.started null']]);
  house.broken = true;
  const outcome = failure(await house.pipeline.call(request('run', {})));
  assert.deepEqual([outcome.code, outcome.detail], ['AUDIT_UNAVAILABLE', { cause: 'DISK_FULL' }]);
  assert.equal(machine.calls.length, 1, 'nothing ran');
  assert.deepEqual(house.faults, ['a call was not recorded and did not run']);
});

verifies('control.call.aborted-before', async () => {
  const machine = provider('machine', [tool('run')]);
  await using house = await openHouse({ provider: machine });
  const outcome = failure(await house.pipeline.call({ ...request('run', {}), signal: AbortSignal.abort('cancelled') }));
  assert.equal(outcome.code, 'CANCELLED');
  assert.equal(machine.calls.length, 0);
  const records = await house.records();
  assert.deepEqual(kinds(records), ['call.started null', 'call.finished failed']);
  assert.equal(records[1]?.detail['code'], 'CANCELLED');
  assert.deepEqual(house.faults, []);
});

verifies('control.call.record', async () => {
  const clock = [1000, 1250][Symbol.iterator]();
  const structured = { exit_code: 3, output: 'boo' };
  const machine = provider('machine', [tool('run')], () => text('boo', structured));
  await using house = await openHouse({ provider: machine, clock: () => clock.next().value ?? 0 });
  const asked = request('run', { cmd: 'x'.repeat(300), n: [1, 2] });
  await house.pipeline.call(asked);
  const [started, finished] = await house.records();
  assert.ok(started !== undefined && finished !== undefined);
  const json = JSON.stringify(asked.arguments);
  assert.deepEqual(
    [started.at, started.kind, started.principal, started.trace, started.subject, started.detail],
    [
      1000,
      'call.started',
      asked.principal.id,
      asked.trace,
      'agentbox_run',
      {
        call: machine.calls[0]?.id,
        provider: 'machine',
        client: 'test-client 1.0',
        answered: false,
        arguments: { chars: json.length, sha256: sha256(json), preview: { cmd: `${'x'.repeat(200)}…`, n: '[1,2]' } },
      },
    ],
  );
  assert.deepEqual(
    [finished.at, finished.kind, finished.outcome, finished.detail],
    [
      1250,
      'call.finished',
      'ok',
      {
        call: machine.calls[0]?.id,
        duration_ms: 250,
        text_chars: 3,
        structured_chars: JSON.stringify(structured).length,
        sha256: sha256('boo'),
        exit_code: 3,
      },
    ],
  );
});

verifies('control.call.owed', async () => {
  const machine = provider('machine', [tool('run'), tool('last')], (call) => {
    house.broken = call.tool === 'run';
    return text('ran');
  });
  await using house = await openHouse({ provider: machine });
  assert.equal((await house.pipeline.call(request('run', {}))).kind, 'done', 'it ran, so it is answered');
  assert.equal(failure(await house.pipeline.call(request('last', {}))).code, 'AUDIT_UNAVAILABLE');
  assert.deepEqual(kinds(await house.records()), ['call.started null']);
  house.broken = false;
  assert.equal((await house.pipeline.call(request('last', {}))).kind, 'done');
  const records = await house.records();
  assert.deepEqual(
    records.map(({ kind, subject }) => `${kind} ${subject}`),
    [
      'call.started agentbox_run',
      'call.finished agentbox_run',
      'call.started agentbox_last',
      'call.finished agentbox_last',
    ],
  );
  assert.equal(machine.calls.length, 2);
});

verifies('control.call.throws', async () => {
  const machine = provider('machine', [tool('run')], () => {
    throw new TypeError('at /srv/secret/place.ts:7');
  });
  await using house = await openHouse({ provider: machine });
  const asked = request('run', {});
  const outcome = failure(await house.pipeline.call(asked));
  assert.equal(outcome.code, 'INTERNAL');
  assert.deepEqual(outcome.detail, { trace: asked.trace });
  assert.ok(!JSON.stringify([outcome, await house.records()]).includes('place.ts'));
  assert.deepEqual(house.faults, ['a tool threw']);
  assert.deepEqual(kinds(await house.records()), ['call.started null', 'call.finished failed']);
});

verifies(
  'control.call.throws',
  async () => {
    const machine = provider('machine', [tool('run')], () => {
      throw new AgentboxError('WORKDIR_NOT_FOUND', '/nowhere does not exist', { nearest: '/' });
    });
    await using house = await openHouse({ provider: machine });
    const outcome = failure(await house.pipeline.call(request('run', {})));
    assert.deepEqual(outcome, {
      kind: 'failed',
      code: 'WORKDIR_NOT_FOUND',
      message: '/nowhere does not exist',
      detail: { nearest: '/' },
    });
    assert.deepEqual(house.faults, [], 'what has a code was foreseen');
  },
  { cell: 'an error with a code keeps it' },
);

verifies('control.call.cancelled', async () => {
  const machine = provider('machine', [tool('run')], (_call, { signal }) => {
    assert.equal(signal.reason, 'cancelled');
    signal.throwIfAborted();
    return text('late');
  });
  await using house = await openHouse({ provider: machine });
  const outcome = failure(await house.pipeline.call({ ...request('run', {}), signal: AbortSignal.abort('cancelled') }));
  assert.equal(outcome.code, 'CANCELLED');
  assert.deepEqual(house.faults, []);
});

const SECRET = 'hunter2-s3cret/ü';

const LEAKS: readonly (readonly [string, ToolOutcome])[] = [
  [
    'done',
    text(`a ${SECRET} b`, { output: SECRET, list: [{ [SECRET]: Buffer.from(`x${SECRET}`).toString('base64') }] }),
  ],
  ['refused', { kind: 'refused', by: { source: `rules of ${SECRET}`, line: 1 }, reason: SECRET, next: SECRET }],
  ['failed', { kind: 'failed', code: 'SPAWN_FAILED', message: SECRET, detail: { list: [SECRET] } }],
  ['needs-input', { kind: 'needs-input', requests: { ask: { message: `is it ${SECRET}?` } }, state: 'sealed' }],
];

for (const [cell, leak] of LEAKS) {
  verifies(
    'control.call.redacted',
    async () => {
      const machine = provider('machine', [tool('run')], () => leak);
      await using house = await openHouse({ provider: machine, secrets: [{ name: 'DB', value: SECRET }] });
      const outcome = await house.pipeline.call(request('run', { cmd: `login ${SECRET}`, [SECRET]: 1 }));
      const all = JSON.stringify([outcome, await house.records()]);
      for (const form of [SECRET, Buffer.from(SECRET).toString('base64').slice(4, -4)]) assert.ok(!all.includes(form));
      assert.ok(all.includes('[redacted:DB]'));
      assert.equal(outcome.kind, leak.kind);
      assert.equal(machine.calls[0]?.arguments['cmd'], `login ${SECRET}`, 'the tool itself gets what was sent');
    },
    { cell },
  );
}

verifies(
  'control.call.redacted',
  async () => {
    const machine = provider('machine', [tool('run')], (_call, context) => {
      context.progress({ progress: 1, total: null, message: `at ${SECRET}` });
      context.log?.({ level: 'info', message: `read ${SECRET}` });
      return text('ok');
    });
    await using house = await openHouse({ provider: machine, secrets: [{ name: 'DB', value: SECRET }] });
    const said: string[] = [];
    await house.pipeline.call({
      ...request('run', {}),
      progress: ({ message }) => void said.push(message),
      log: ({ message }) => void said.push(message),
    });
    assert.deepEqual(said, ['at [redacted:DB]', 'read [redacted:DB]']);
  },
  { cell: 'progress and log' },
);

const WITHHOLDERS: readonly (readonly [string, Parameters<typeof provider>])[] = [
  ['named by the tool', ['machine', [tool('type', { meta: { redactArguments: ['chars'] } })]]],
  ['named for this call', ['machine', [tool('type')], undefined, () => Promise.resolve(['chars', 'absent'])]],
  ['the provider cannot tell', ['machine', [tool('type')], undefined, () => Promise.reject(new Error('box is gone'))]],
];

for (const [cell, args] of WITHHOLDERS) {
  verifies(
    'control.call.withheld',
    async () => {
      const machine = provider(...args);
      await using house = await openHouse({ provider: machine });
      const digests: unknown[] = [];
      for (const chars of ['1234', '9876']) {
        await house.pipeline.call(request('type', { chars }));
        const started = (await house.records()).at(-2);
        const facts: unknown = started?.detail['arguments'];
        assert.deepEqual(Reflect.get(Object(facts), 'preview'), { chars: '[withheld]' });
        digests.push(Reflect.get(Object(facts), 'sha256'));
      }
      assert.equal(digests[0], digests[1], 'the hash does not depend on the secret');
      assert.deepEqual(
        machine.calls.map((call) => call.arguments['chars']),
        ['1234', '9876'],
      );
    },
    { cell },
  );
}

verifies('control.call.size', async () => {
  const long = '😀'.repeat(50_000);
  const structured = { output: long, exit_code: 0, lines: ['short', long], ok: true };
  const machine = provider('machine', [tool('run')], () => text(long, structured));
  const link = { type: 'resource_link', uri: 'agentbox://calls/1', name: 'whole' } as const;
  await using house = await openHouse({ provider: machine, keepWhole: () => link });
  const outcome = await house.pipeline.call(request('run', {}));
  assert.ok(outcome.kind === 'done');
  const [block, kept] = outcome.result.content;
  assert.ok(block?.type === 'text');
  const note = /\n\[(\d+) of 100000 characters left out here\]\n/.exec(block.text);
  assert.ok(note !== null);
  assert.equal(block.text.length - note[0].length + Number(note[1]), 100_000, 'the number is exact');
  assert.ok(block.text.isWellFormed() && block.text.length < 45_100);
  assert.deepEqual(kept, link);
  const shaped = outcome.result.structured;
  assert.deepEqual([shaped?.['exit_code'], shaped?.['ok']], [0, true]);
  assert.ok(JSON.stringify(shaped).length < 45_500);
  const lines: unknown = shaped?.['lines'];
  assert.ok(Array.isArray(lines) && lines.length === 2 && lines[0] === 'short');
});

verifies(
  'control.call.size',
  async () => {
    const fits = text('x'.repeat(45_000), { output: 'y'.repeat(45_000) });
    const machine = provider('machine', [tool('run'), tool('flood')], (call) =>
      call.tool === 'run' ? fits : text('', { list: Array.from({ length: 600_000 }, (_, at) => at) }),
    );
    await using house = await openHouse({ provider: machine });
    assert.deepEqual(await house.pipeline.call(request('run', {})), fits, 'exactly at the limit nothing is cut');
    const flood = failure(await house.pipeline.call(request('flood', {})));
    assert.equal(flood.code, 'INTERNAL');
    assert.match(flood.message, /the result has \d+ characters/);
  },
  { cell: 'at the limit, and beyond what can be cut' },
);

verifies(
  'control.call.throws',
  async () => {
    const machine = provider('machine', [tool('run')], () => text('', { deep: nested(100_000) }));
    await using house = await openHouse({ provider: machine, secrets: [{ name: 'DB', value: SECRET }] });
    assert.equal(failure(await house.pipeline.call(request('run', {}))).code, 'INTERNAL');
    assert.deepEqual(house.faults, ['a result was not presentable']);
    assert.deepEqual(kinds(await house.records()), ['call.started null', 'call.finished failed']);
  },
  { cell: 'a result too deep to be walked' },
);

verifies('control.call.cap', async () => {
  const gate = Promise.withResolvers<void>();
  const machine = provider('machine', [tool('wait')], async () => {
    await gate.promise;
    return text('ok');
  });
  await using house = await openHouse({ provider: machine, limits: { callsPerPrincipal: 2, calls: 3 } });
  const [ann, bob] = [caller('exec'), caller('exec')];
  const running = [ann, ann, bob].map((who) => house.pipeline.call(request('wait', {}, who)));
  const codes: ErrorCode[] = [];
  for (const who of [ann, bob]) codes.push(failure(await house.pipeline.call(request('wait', {}, who))).code);
  assert.deepEqual(codes, ['OVERLOADED', 'OVERLOADED']);
  assert.equal(house.pipeline.running, 3);
  gate.resolve();
  for (const outcome of await Promise.all(running)) assert.equal(outcome.kind, 'done');
  assert.equal(house.pipeline.running, 0);
  assert.equal((await house.pipeline.call(request('wait', {}, ann))).kind, 'done');
});
