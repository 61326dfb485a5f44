/** Sandbox state on the wire: who may send it how, whose it is, what becomes of one that cannot be read. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Emitter } from '@agentbox/base';
import type { ToolProvider } from '@agentbox/control-plane';
import { type ProviderId, parseProviderId } from '@agentbox/protocol';
import { parseSandboxState } from '@agentbox/sandbox';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { say, tool } from '../conformance/fixture-tool.ts';
import { type ProductServer, startProductServer } from '../conformance/product-server.ts';
import {
  at,
  errorOf,
  type Json,
  modern,
  modernHeaders,
  modernMeta,
  openSession,
  post,
  resultOf,
  type Session,
  textOf,
} from '../door/mcp/raw-client.ts';
import { operator, startRig } from '../machine/rig.ts';
import { verifies } from '../requirements/verifies.ts';

const UPDATE = 'codex/sandbox-state/update';
const META = 'codex/sandbox-state-meta';
const SECRET = 'hunter2-and-more';
const readOnly = { sandboxPolicy: { type: 'read-only' }, sandboxCwd: '/work' };
const mayWrite = { sandboxPolicy: { type: 'workspace-write' }, sandboxCwd: '/work' };
const wrong = { sandboxPolicy: { type: SECRET }, sandboxCwd: SECRET };
const CALL = { name: 'state', arguments: {} };

/** calls that reached the tool */
let reached = 0;
const PROVIDER = providerOf();

function providerOf(): ToolProvider {
  const id = parseProviderId('states');
  assert.ok(id !== undefined);
  const state = tool('state', 'Says in which state it was called.', (_call, { sandboxState }) => {
    reached += 1;
    return say(sandboxState === null ? 'none' : `${sandboxState.from} ${Object.values(sandboxState.facts).join(' ')}`);
  });
  const changed = new Emitter<ProviderId>();
  return { id, changed, list: () => [state.definition], call: async (call, context) => state.run(call, context) };
}

let server: ProductServer;
let without: ProductServer;
before(async () => {
  server = await startProductServer({ tools: [PROVIDER], parseSandboxState });
  without = await startProductServer({ tools: [PROVIDER] });
});
after(async () => {
  assert.deepEqual([...server.faults, ...without.faults], []);
  await server[Symbol.asyncDispose]();
  await without[Symbol.asyncDispose]();
});

const said = (result: Json): string => textOf(result);
const call = async (session: Session, meta: Json = {}): Promise<string> =>
  said(resultOf(await session.request('tools/call', { ...CALL, _meta: meta })));

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
};

verifies('state.advertised', async () => {
  const old = await post(server, JSON.stringify(initialize));
  assert.deepEqual(at(resultOf(old), 'capabilities')['experimental'], {
    'codex/sandbox-state': { version: '1.0.0' },
    'codex/sandbox-state-meta': {},
  });
  const discovered = resultOf(await modern(server, 'server/discover'));
  assert.deepEqual(at(discovered, 'capabilities')['experimental'], { 'codex/sandbox-state-meta': {} });
  const silent = at(resultOf(await post(without, JSON.stringify(initialize))), 'capabilities');
  assert.equal(silent['experimental'], undefined);
  assert.equal(at(resultOf(await modern(without, 'server/discover')), 'capabilities')['experimental'], undefined);
  const session = await openSession(without);
  assert.equal(errorOf(await session.request(UPDATE, readOnly))['code'], -32_601);
  assert.equal(await call(session, { [META]: readOnly }), 'none', 'not advertised, not read');
  await session.end();
});

for (const revision of ['2025-11-25', '2025-06-18', '2025-03-26']) {
  verifies(
    'state.shapes',
    async () => {
      const session = await openSession(server, revision);
      assert.equal(await call(session), 'none');
      assert.deepEqual(resultOf(await session.request(UPDATE, readOnly)), {});
      assert.equal(await call(session), 'session read-only');
      assert.equal((await session.notify(UPDATE, mayWrite)).status, 202);
      assert.equal(await call(session), 'session workspace-write');
      const { sandboxPolicy } = readOnly;
      assert.deepEqual(resultOf(await session.request(UPDATE, { sandboxPolicy })), {}, 'the form of the README');
      assert.equal(await call(session), 'session read-only');
      assert.equal(await call(session, { [META]: mayWrite }), 'call workspace-write');
      await session.end();
    },
    { cell: revision },
  );
}

verifies(
  'state.shapes',
  async () => {
    const called = (meta: Json) => modern(server, 'tools/call', CALL, {}, meta);
    assert.equal(said(resultOf(await called({}))), 'none');
    assert.equal(said(resultOf(await called({ [META]: readOnly }))), 'call read-only');
    assert.equal(said(resultOf(await called({ [META]: readOnly, progressToken: 'p' }))), 'call read-only');
    assert.equal(said(resultOf(await called({}))), 'none', 'of that call alone');
    const update = await modern(server, UPDATE, readOnly);
    assert.equal(update.status, 404, 'it would change nothing');
    assert.equal(errorOf(update)['code'], -32_601);
    const params = { ...readOnly, _meta: modernMeta() };
    const heard = await post(
      server,
      JSON.stringify({ jsonrpc: '2.0', method: UPDATE, params }),
      modernHeaders(UPDATE, {}),
    );
    assert.ok(heard.status < 500);
    assert.equal(said(resultOf(await called({}))), 'none');
  },
  { cell: '2026-07-28' },
);

/** What clients of Codex send, old and new. */
const FORMS: Readonly<Record<string, readonly [Json, string]>> = {
  'a policy with all that comes beside it': [
    {
      sandboxPolicy: {
        type: 'workspace-write',
        writable_roots: ['/srv'],
        network_access: false,
        exclude_slash_tmp: true,
      },
      codexLinuxSandboxExe: '/opt/codex-linux-sandbox',
      sandboxCwd: '/work',
      useLegacyLandlock: false,
    },
    'call workspace-write',
  ],
  'a profile without a policy, the directory a file URI': [
    {
      permissionProfile: {
        type: 'managed',
        file_system: {
          type: 'restricted',
          entries: [{ path: { type: 'special', value: { kind: 'root' } }, access: 'read' }],
        },
        network: 'restricted',
      },
      sandboxCwd: 'file:///work',
    },
    'call managed restricted restricted',
  ],
  'a profile that is off': [{ permissionProfile: { type: 'disabled' }, sandboxCwd: '/work' }, 'call disabled'],
};
for (const [cell, [state, expected]] of Object.entries(FORMS)) {
  verifies(
    'state.shapes',
    async () => {
      const session = await openSession(server);
      assert.equal(await call(session, { [META]: state }), expected);
      await session.end();
      assert.equal(said(resultOf(await modern(server, 'tools/call', CALL, {}, { [META]: state }))), expected);
    },
    { cell },
  );
}

for (const mode of ['auto', 'legacy'] as const) {
  verifies(
    'state.shapes',
    async () => {
      const client = new Client({ name: 'official', version: '1' }, { versionNegotiation: { mode } });
      const headers = { authorization: `Bearer ${server.token}` };
      await client.connect(new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } }));
      try {
        assert.ok(META in Object(client.getServerCapabilities()?.experimental));
        const perCall = await client.callTool({ ...CALL, _meta: { [META]: readOnly } });
        assert.equal(said({ ...perCall }), 'call read-only');
        if (mode === 'auto') return;
        await client.request({ method: UPDATE, params: mayWrite }, z.object({}));
        assert.equal(said({ ...(await client.callTool(CALL)) }), 'session workspace-write');
      } finally {
        await client.close();
      }
    },
    { cell: `the official client, ${mode}` },
  );
}

verifies('state.session', async () => {
  const one = await openSession(server);
  const two = await openSession(server);
  await one.request(UPDATE, readOnly);
  assert.equal(await call(two), 'none', 'of one session alone');
  assert.equal(said(resultOf(await modern(server, 'tools/call', CALL))), 'none', 'of the same principal');
  await one.end();
  const three = await openSession(server);
  assert.equal(await call(three), 'none');
  for (const session of [two, three]) await session.end();
});

const assertRefused = (error: Json, where: string): void => {
  assert.equal(error['code'], -32_602);
  const message = String(error['message']);
  assert.ok(
    message.includes(`${where}.sandboxPolicy.type must be one of danger-full-access, read-only, workspace-write`),
    message,
  );
  assert.ok(!JSON.stringify(error).includes(SECRET), 'nothing of what came is said');
};

verifies('state.malformed', async () => {
  const session = await openSession(server);
  await session.request(UPDATE, readOnly);
  assertRefused(errorOf(await session.request(UPDATE, wrong)), 'params');
  assert.equal(await call(session), 'session read-only', 'the state before holds');
  const untilThen = reached;
  const inMeta = await session.request('tools/call', { ...CALL, _meta: { [META]: wrong } });
  assertRefused(errorOf(inMeta), `_meta["${META}"]`);
  assertRefused(errorOf(await modern(server, 'tools/call', CALL, {}, { [META]: wrong })), `_meta["${META}"]`);
  for (const odd of [null, 7, 'read-only', []]) {
    const answer = await modern(server, 'tools/call', CALL, {}, { [META]: odd });
    assert.equal(errorOf(answer)['code'], -32_602, JSON.stringify(odd));
  }
  assert.equal(reached, untilThen, 'nothing ran');
  await session.notify(UPDATE, wrong);
  assertRefused(errorOf(await session.request('tools/call', CALL)), 'params');
  assert.equal(reached, untilThen, 'its client takes a sandbox for granted');
  assert.equal(await call(session, { [META]: readOnly }), 'call read-only');
  await session.request(UPDATE, mayWrite);
  assert.equal(await call(session), 'session workspace-write');
  await session.end();
});

verifies('state.bounded', async () => {
  const long = { ...readOnly, sandboxCwd: `/${'x'.repeat(64 * 1024)}` };
  const session = await openSession(server);
  for (const answer of [
    await session.request(UPDATE, long),
    await session.request('tools/call', { ...CALL, _meta: { [META]: long } }),
    await modern(server, 'tools/call', CALL, {}, { [META]: long }),
  ]) {
    assert.equal(errorOf(answer)['code'], -32_602);
    assert.match(String(errorOf(answer)['message']), /must be at most 65536 characters of JSON/);
  }
  assert.equal(await call(session), 'none');
  await session.end();
});

verifies('state.recorded', async () => {
  const session = await openSession(server);
  await session.request(UPDATE, readOnly);
  await call(session);
  await call(session, { [META]: mayWrite });
  await session.end();
  await modern(server, 'tools/call', CALL);
  const started = (await server.audit.last(20)).filter(({ kind }) => kind === 'call.started').slice(-3);
  assert.deepEqual(
    started.map(({ detail }) => detail['sandbox']),
    [{ from: 'session', sandboxPolicy: 'read-only' }, { from: 'call', sandboxPolicy: 'workspace-write' }, undefined],
  );
});

const WISH = { files: null, network: false, cwd: null, globDepth: null };

verifies('state.granted', async () => {
  const asked: unknown[] = [];
  await using rig = await startRig({}, {}, ({ owner, state }) => {
    asked.push([owner, state?.facts['sandboxPolicy']]);
    return { profile: null, narrowed: state === null ? [] : ['writable root /etc was not granted'] };
  });
  const sandboxState = { from: 'call', facts: { sandboxPolicy: 'workspace-write' }, wish: WISH } as const;
  const given = { command: 'echo $((6 * 7))', workdir: rig.workdir, login: false };
  for (const answer of [
    await rig.call('shell', given, { sandboxState }),
    await rig.exec('echo 42', {}, { sandboxState }),
  ]) {
    assert.equal(answer.structured.output, '42\n');
    assert.deepEqual(answer.structured['warnings'], ['writable root /etc was not granted']);
    assert.match(answer.text, /writable root \/etc was not granted/);
  }
  assert.deepEqual((await rig.call('shell', given)).structured['warnings'], []);
  assert.deepEqual(asked, [
    [operator.id, 'workspace-write'],
    [operator.id, 'workspace-write'],
    [operator.id, undefined],
  ]);
});
