/** Every setting changes a behaviour: one cell each, on the running product. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { settings } from '@agentbox/server';
import { z } from 'zod';
import { AUDIENCE, type Claims, type IssuerFixture, openIssuer, signingKey } from '../auth/gate.ts';
import { Home, isAlive, processesWith, type Ready, run, until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { TestClient } from './client.ts';
import { SANDBOX_CELLS } from './sandbox-cells.ts';

interface Cell {
  readonly toml: string;
  readonly env?: Readonly<Record<string, string>>;
  /** with the setting as `toml` says; `home` is the directory beside the configuration */
  readonly check: (ready: Ready, home: string) => Promise<void>;
}

async function withClient<T>(ready: Ready, use: (client: TestClient) => Promise<T>): Promise<T> {
  await using client = await TestClient.connect(ready);
  return await use(client);
}

async function statusWith(ready: Ready, headers: Readonly<Record<string, string>>): Promise<number> {
  const { port } = new URL(ready.url);
  const lines = [
    'GET /healthz HTTP/1.1',
    ...Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(([k, v]) => `${k}: ${v}`),
  ];
  const socket = connect(Number(port), '127.0.0.1');
  socket.end(`${lines.join('\r\n')}\r\nconnection: close\r\n\r\n`);
  let text = '';
  for await (const part of socket) text += String(part);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
}

const post = (
  ready: Pick<Ready, 'url' | 'token'>,
  body: string,
  more: Readonly<Record<string, string>> = {},
  signal: AbortSignal | null = null,
): Promise<Response> =>
  fetch(ready.url, {
    method: 'POST',
    body,
    signal,
    headers: {
      ...more,
      authorization: `Bearer ${ready.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
  });

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } },
});

async function opened(ready: Ready): Promise<string> {
  const answer = await post(ready, INITIALIZE);
  await answer.text();
  return answer.headers.get('mcp-session-id') ?? '';
}

/** A call that is not answered for as long as its command runs. */
async function unanswered(ready: Ready) {
  const session = await opened(ready);
  const marker = `603.${ready.pid}`;
  const answered = new AbortController();
  const params = { name: 'exec_command', arguments: { cmd: `sleep ${marker}; true`, yield_time_ms: 30_000 } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params });
  post(ready, body, { 'mcp-session-id': session }, answered.signal)
    .then((answer) => answer.text())
    .catch(() => undefined);
  await until('the command runs', () => processesWith(`sleep\0${marker}`).length === 1);
  return { session, marker, answered };
}

/** Asks the metrics, so that the wait needs no process of its own. */
async function finishedCalls(ready: Ready, count: number): Promise<void> {
  const headers = { authorization: `Bearer ${ready.token}` };
  await until(`${count} calls are finished`, async () => {
    const text = await (await fetch(new URL('/metrics', ready.url), { headers })).text();
    return count > 0 && /^agentbox_calls_running 0$/m.test(text);
  });
}

const output = (ready: Ready, args: Readonly<Record<string, unknown>>): Promise<string> =>
  withClient(ready, async (client) => (await client.call('exec_command', args)).output ?? '');

const CELLS: Readonly<Record<string, Cell>> = {
  'server.host': {
    toml: '[server]\nhost = "127.0.0.2"',
    check: (ready) => Promise.resolve(assert.equal(new URL(ready.url).hostname, '127.0.0.2')),
  },
  'server.port': {
    toml: '[server]\nport = 0',
    check: (ready) => Promise.resolve(assert.notEqual(new URL(ready.url).port, '7070')),
  },
  'server.public_url': {
    toml: '[server]\npublic_url = "https://box.example"',
    check: async (ready) => {
      assert.equal(await statusWith(ready, { host: 'box.example' }), 200);
      assert.equal(await statusWith(ready, { host: 'other.example' }), 403);
    },
  },
  'server.allowed_hosts': {
    toml: '[server]\nallowed_hosts = ["box.lan"]',
    check: async (ready) => assert.equal(await statusWith(ready, { host: 'box.lan' }), 200),
  },
  'server.allowed_origins': {
    toml: '[server]\nallowed_origins = ["https://console.example"]',
    check: async (ready) => {
      assert.equal(await statusWith(ready, { origin: 'https://console.example' }), 200);
      assert.equal(await statusWith(ready, { origin: 'https://other.example' }), 403);
    },
  },
  'server.trusted_proxies': {
    toml: '[server]\ntrusted_proxies = ["127.0.0.1"]\nallowed_hosts = ["box.lan"]',
    check: async (ready) => assert.equal(await statusWith(ready, { 'x-forwarded-host': 'other.example' }), 403),
  },
  'server.max_body_bytes': {
    toml: '[server]\nmax_body_bytes = 65536',
    check: async (ready) => assert.equal((await post(ready, `"${'x'.repeat(70_000)}"`)).status, 413),
  },
  'server.max_connections': {
    toml: '[server]\nmax_connections = 1',
    check: async (ready) => {
      const { port } = new URL(ready.url);
      const first = connect(Number(port), '127.0.0.1');
      await new Promise<void>((resolve) => void first.once('connect', () => resolve()));
      await until('the second is turned away', async () => (await statusWith(ready, {})) !== 200);
      first.destroy();
    },
  },
  'server.max_client_sessions': {
    toml: '[server]\nmax_client_sessions = 1',
    check: async (ready) => {
      const [first, second] = [await opened(ready), await opened(ready)];
      assert.equal(await sessionStatus(ready, second), 200);
      assert.equal(await sessionStatus(ready, first), 404);
    },
  },
  'tools.prefix': {
    toml: '[tools]\nprefix = ""',
    check: (ready) => withClient(ready, async (client) => assert.ok((await client.tools()).includes('exec_command'))),
  },
  'exec.default_workdir': {
    toml: '[exec]\ndefault_workdir = "/usr"',
    check: async (ready) => assert.equal(await output(ready, { cmd: 'pwd' }), '/usr\n'),
  },
  'exec.shell': {
    toml: '[exec]\nshell = "/bin/dash"',
    check: async (ready) => assert.match(await output(ready, { cmd: 'readlink /proc/$$/exe' }), /dash/),
  },
  'exec.login': {
    toml: '[exec]\nlogin = false',
    env: { PATH: '/usr/bin:/bin:/only/of/the/server' },
    // A login shell sets PATH by its profile; without it the one of the server stands.
    check: async (ready) =>
      assert.equal(await output(ready, { cmd: 'echo "$PATH"' }), '/usr/bin:/bin:/only/of/the/server\n'),
  },
  'exec.on_cancel': {
    toml: '[exec]\non_cancel = "keep"',
    check: async (ready) => {
      const { session, marker, answered } = await unanswered(ready);
      await post(
        ready,
        JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } }),
        {
          'mcp-session-id': session,
        },
      );
      await finishedCalls(ready, 1);
      assert.equal(processesWith(`sleep\0${marker}`).length, 1, 'the command goes on');
      answered.abort();
    },
  },
  'exec.on_disconnect': {
    toml: '[exec]\non_disconnect = "kill"',
    check: async (ready) => {
      const { session, marker } = await unanswered(ready);
      // A closed connection may come back and ask for its answer; a session that its client ends does not.
      await fetch(ready.url, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${ready.token}`, 'mcp-session-id': session },
      });
      await until('the command has ended', () => processesWith(`sleep\0${marker}`).length === 0);
    },
  },
  'server.client_session_idle_ms': {
    toml: '[server]\nclient_session_idle_ms = 1000',
    check: async (ready) => {
      const session = await opened(ready);
      assert.equal(await sessionStatus(ready, session), 200);
      // Asking is use: each look must come later than the session may be idle.
      await until('the idle session has ended', async () => {
        await sleep(2500);
        return (await sessionStatus(ready, session)) === 404;
      });
    },
  },
  'server.shutdown_grace_ms': {
    toml: '[server]\nshutdown_grace_ms = 0',
    check: async (ready) => {
      await unanswered(ready);
      const from = performance.now();
      process.kill(ready.pid, 'SIGTERM');
      await until('the server has ended', () => !isAlive(ready.pid));
      const tookMs = performance.now() - from;
      assert.ok(tookMs < 5000, `the open call was not waited for, but it took ${tookMs} ms`);
    },
  },
  'exec.yield_time_ms': {
    toml: '[exec]\nyield_time_ms = 250',
    check: (ready) =>
      withClient(ready, async (client) =>
        assert.equal((await client.call('exec_command', { cmd: 'sleep 5' })).running, true),
      ),
  },
  'exec.max_output_tokens': {
    toml: '[exec]\nmax_output_tokens = 100',
    check: async (ready) => assert.ok((await output(ready, { cmd: 'seq 100000' })).length < 2000),
  },
  'exec.max_sessions': {
    toml: '[exec]\nmax_sessions = 1',
    check: (ready) =>
      withClient(ready, async (client) => {
        await client.start('sleep 600');
        const second = await client.call('exec_command', { cmd: 'true' });
        assert.match(second.text, /1 sessions are running already/);
      }),
  },
  'skills.roots': {
    toml: '[skills]\nroots = ["HOME/skills"]',
    check: (ready) =>
      withClient(ready, async (client) => assert.match((await client.call('list_skills', {})).text, /of-this-test/)),
  },
  'box.workspace': {
    toml: '[box]\nworkspace = "HOME/work"',
    check: async (ready, home) => {
      assert.equal(await output(ready, { cmd: 'pwd' }), `${home}/work\n`);
      await withClient(ready, async (client) => {
        const patch = `*** Begin Patch\n*** Add File: ${home}/outside\n+x\n*** End Patch\n`;
        assert.match((await client.call('apply_patch', { patch })).text, /outside/);
        assert.ok(!existsSync(join(home, 'outside')));
      });
    },
  },
};

async function sessionStatus(ready: Ready, session: string): Promise<number> {
  const headers = {
    authorization: `Bearer ${ready.token}`,
    'mcp-session-id': session,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'ping' });
  const answer = await fetch(ready.url, { method: 'POST', headers, body });
  await answer.text();
  return answer.status;
}

for (const [key, { toml, env = {}, check }] of Object.entries(CELLS)) {
  verifies(
    'config.setting-works',
    async () => {
      await using home = new Home();
      mkdirSync(join(home.path, 'work'));
      mkdirSync(join(home.path, 'skills', 'of-this-test'), { recursive: true });
      const skill = '---\nname: of-this-test\ndescription: Use this when a test asks for it.\n---\nDo it.\n';
      writeFileSync(join(home.path, 'skills', 'of-this-test', 'SKILL.md'), skill);
      writeFileSync(join(home.path, 'config.toml'), toml.replaceAll('HOME', home.path));
      const up = await home.up({ env, args: key === 'server.port' ? [] : ['--port', '0'] });
      await check(up.ready, home.path);
    },
    { cell: key },
  );
}

verifies(
  'config.setting-works',
  async () => {
    assert.equal((await run(['--version'])).code, 0);
    const elsewhere = new Set([
      // the cells below, with an issuer
      'auth.jwks',
      'auth.jwks.issuer',
      'auth.jwks.jwks_url',
      'auth.jwks.audience',
      'auth.jwks.required_scopes',
      'auth.jwks.scope_map',
      'auth.jwks.algorithms',
      'auth.jwks.clients',
      'auth.jwks.private_network',
      // a table: each of its settings has a cell
      'sandbox.limits',
      // test/e2e/sandbox-up.test.ts, where user namespaces are blocked
      'sandbox.allow_landlock_only',
      // test/cli/config.test.ts
      'server.dangerously_bind_all_interfaces',
    ]);
    const cells = { ...CELLS, ...SANDBOX_CELLS };
    for (const { key } of settings()) assert.ok(key in cells || elsewhere.has(key), `${key} has no behaviour test`);
  },
  { cell: 'none is forgotten' },
);

const issuerToml = (issuer: Pick<IssuerFixture, 'issuer' | 'jwksUrl'>, more = ''): string =>
  `[auth.jwks]\nissuer = "${issuer.issuer}"\njwks_url = "${issuer.jwksUrl}"\naudience = "${AUDIENCE}"\n${more}`;

const ISSUER_KEYS = 'required_scopes = ["machine"]\nalgorithms = ["ES256"]\nclients = ["chat"]';
const SCOPE_MAP = '\n[auth.jwks.scope_map]\nmachine = ["exec"]\n"exec" = []';

verifies(
  'config.setting-works',
  async () => {
    await using home = new Home();
    await using issuer = await openIssuer();
    const key = await signingKey('k1');
    const rsa = await signingKey('k2', 'RS256');
    issuer.serveKeys(key, rsa);
    writeFileSync(join(home.path, 'config.toml'), issuerToml(issuer, ISSUER_KEYS + SCOPE_MAP));
    const { ready } = await home.up();
    const statusOf = async (claims: Claims, by = key): Promise<number> => {
      const token = await issuer.sign(by, { scope: 'machine', azp: 'chat', ...claims });
      const answer = await post({ url: ready.url, token }, INITIALIZE);
      await answer.text();
      return answer.status;
    };
    assert.equal(await statusOf({}), 200, 'issuer, jwks_url and scope_map serve');
    assert.equal(await statusOf({ iss: 'https://other.example' }), 401, 'issuer');
    assert.equal(await statusOf({ aud: 'https://other.example/mcp' }), 401, 'audience');
    assert.equal(await statusOf({}, rsa), 401, 'algorithms');
    assert.equal(await statusOf({ azp: 'other' }), 401, 'clients');
    assert.equal(await statusOf({ scope: 'exec' }), 403, 'required_scopes');
    assert.equal(await issuerReadiness(ready), 'ok');
  },
  { cell: 'auth.jwks' },
);

verifies(
  'config.setting-works',
  async () => {
    await using home = new Home();
    const toml = issuerToml({ issuer: 'https://id.example', jwksUrl: 'https://10.0.0.1/keys' });
    writeFileSync(join(home.path, 'config.toml'), toml);
    const refused = await home.run(['up', '--port', '0', '--json']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^CONFIG_INVALID .*auth\.jwks\.jwks_url/);
    assert.deepEqual(processesWith(home.path), [], 'no box is left by a start that failed');
    writeFileSync(join(home.path, 'config.toml'), `${toml}private_network = true`);
    await home.up();
  },
  { cell: 'auth.jwks.private_network' },
);

verifies('config.issuer-readiness', async () => {
  await using home = new Home();
  await using issuer = await openIssuer();
  writeFileSync(join(home.path, 'config.toml'), issuerToml(issuer));
  const { ready } = await home.up();
  const token = await issuer.sign(await signingKey('k1'), {});
  assert.equal((await post({ url: ready.url, token }, INITIALIZE)).status, 503);
  await until('the probe asks again', async () => (await issuerReadiness(ready)) === 'failed');
  assert.equal((await post(ready, INITIALIZE)).status, 200, 'own tokens work without the issuer');
});

const readinessSchema = z.object({ checks: z.array(z.object({ name: z.string(), ok: z.boolean() })) });

async function issuerReadiness(ready: Ready): Promise<'ok' | 'failed' | 'absent'> {
  const headers = { authorization: `Bearer ${ready.token}` };
  const answer = await fetch(new URL('/readyz', ready.url), { headers });
  assert.equal(answer.status, 200, 'the issuer is not essential');
  const issuer = readinessSchema.parse(await answer.json()).checks.find(({ name }) => name === 'issuer');
  if (issuer === undefined) return 'absent';
  return issuer.ok ? 'ok' : 'failed';
}

verifies('config.weaker-recorded', async () => {
  await using home = new Home();
  writeFileSync(join(home.path, 'config.toml'), '[server]\ntrusted_proxies = ["127.0.0.1"]');
  await home.up();
  const logs = await home.run(['logs', '--kind', 'setting.weaker']);
  assert.match(logs.stdout, /setting\.weaker {2}server\.trusted_proxies/);
});
