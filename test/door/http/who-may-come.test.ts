/** Hosts, origins and proxies: who may send a request at all, on every route. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { openGate } from '../../auth/gate.ts';
import { verifies } from '../../requirements/verifies.ts';
import { openEdge, openResources, RawClient, until } from './edge-fixture.ts';
import { ask, ROUTES } from './plain-request.ts';

const gate = await openGate();
after(() => gate[Symbol.asyncDispose]());

verifies('edge.host.checked', async () => {
  await using open = await openEdge(gate);
  for (const path of ROUTES) {
    for (const host of [
      'evil.example',
      `evil.example:${open.port}`,
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      '169.254.169.254',
      '0.0.0.0',
      '[::]',
      'localhost.',
    ]) {
      const answer = await ask(open.url + path, 'GET', { host });
      assert.ok([400, 403].includes(answer.status), `${path} ${host} ${answer.status}`);
    }
    for (const line of [
      '',
      'Host:\r\n',
      'Host: a b\r\n',
      'Host: localhost@evil\r\n',
      'Host: localhost/x\r\n',
      'Host: localhost:port\r\n',
      'Host: [::1\r\n',
    ]) {
      using client = new RawClient(open.port);
      client.send(`GET ${path} HTTP/1.1\r\n${line}Connection: close\r\n\r\n`);
      assert.equal(await client.end(), 400, `${path} ${line}`);
    }
  }
  for (const host of ['localhost', 'LocalHost:1', '127.0.0.1', '127.1.2.3:9', '[::1]', '[::1]:80']) {
    assert.equal((await ask(`${open.url}/healthz`, 'GET', { host })).status, 200, host);
  }
});

verifies(
  'edge.host.checked',
  async () => {
    await using open = await openEdge(gate);
    for (const target of [
      'http://localhost/healthz',
      '*',
      'healthz',
      'evil.example:443',
      '/a\\b',
      '/\u00ff',
      '/a\tb',
      '/mcp/../healthz',
      '/./mcp',
      '/x/%2E%2e/mcp',
    ]) {
      using client = new RawClient(open.port);
      client.send(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1'));
      assert.equal(await client.end(), 400, target);
    }
    using old = new RawClient(open.port);
    old.send('GET /healthz HTTP/1.0\r\n\r\n');
    assert.equal(await old.end(), 400);
  },
  { cell: 'targets that are no path, and HTTP/1.0 without a Host' },
);

verifies('edge.host.configured', async () => {
  await using open = await openEdge(gate, { settings: { allowedHosts: ['agent.example', 'other.example:8443'] } });
  const statusOf = async (host: string): Promise<number> => (await ask(`${open.url}/healthz`, 'GET', { host })).status;
  assert.equal(await statusOf('Agent.Example'), 200);
  assert.equal(await statusOf('agent.example:443'), 200);
  assert.equal(await statusOf('other.example:8443'), 200);
  assert.equal(await statusOf('other.example'), 403);
  assert.equal(await statusOf('x.agent.example'), 403);
  const challenge = await ask(`${open.url}/mcp`, 'GET', { host: 'agent.example' });
  assert.match(String(challenge.headers['www-authenticate']), /"http:\/\/agent\.example\/\.well-known/);
});

verifies('edge.origin.checked', async () => {
  await using open = await openEdge(gate, {
    settings: { allowedOrigins: ['https://console.example'], allowedHosts: ['agent.example'] },
  });
  for (const path of ROUTES) {
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'https://console.example.evil',
      'file://',
      'https://console.example/',
    ]) {
      const answer = await ask(open.url + path, 'GET', { origin });
      assert.equal(answer.status, 403, `${path} ${origin}`);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
  }
  const statusOf = async (origin: string, host: string): Promise<number> =>
    (await ask(`${open.url}/healthz`, 'GET', { origin, host })).status;
  assert.equal(await statusOf('https://console.example', 'localhost'), 200);
  assert.equal(await statusOf('http://localhost:6274', 'localhost:1'), 200);
  assert.equal(await statusOf('https://agent.example', 'agent.example'), 200);
  assert.equal(await statusOf('http://localhost:6274', 'agent.example'), 403);
});

verifies('edge.cors.preflight', async () => {
  await using open = await openEdge(gate, { settings: { allowedOrigins: ['https://console.example'] } });
  const asked = 'Authorization, content-type, mcp-protocol-version, Mcp-Param-City, x-evil, cookie';
  const headers = {
    origin: 'https://console.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': asked,
  };
  const answer = await ask(`${open.url}/mcp`, 'OPTIONS', headers);
  assert.equal(answer.status, 204);
  assert.equal(answer.headers['access-control-allow-origin'], 'https://console.example');
  assert.equal(
    answer.headers['access-control-allow-headers'],
    'authorization, content-type, mcp-protocol-version, mcp-param-city',
  );
  assert.equal(answer.headers['access-control-allow-credentials'], undefined);
  assert.equal((await ask(`${open.url}/mcp`, 'OPTIONS', { ...headers, origin: 'https://evil.example' })).status, 403);
  const real = await ask(`${open.url}/mcp`, 'GET', { origin: 'https://console.example' });
  assert.deepEqual(
    [real.status, real.headers['access-control-allow-origin'], real.headers['vary']],
    [401, 'https://console.example', 'Origin'],
  );
  assert.match(String(real.headers['access-control-expose-headers']), /WWW-Authenticate/);
});

verifies('edge.forwarded.believed', async () => {
  const forwarded = {
    'x-forwarded-for': '203.0.113.9, 198.51.100.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'agent.example',
  };
  const settings = { allowedHosts: ['agent.example'] };
  const challengeOf = async (trustedProxies: readonly string[]): Promise<readonly [string, unknown]> => {
    await using open = await openEdge(gate, { settings: { ...settings, trustedProxies } });
    const answer = await ask(`${open.url}/mcp`, 'GET', forwarded);
    await until(() => open.records.length > 0, 'the record');
    return [
      /resource_metadata="(\w+:\/\/[^/:]+)/.exec(String(answer.headers['www-authenticate']))?.[1] ?? '',
      open.records[0]?.detail['from'],
    ];
  };
  assert.deepEqual(await challengeOf([]), ['http://127.0.0.1', '127.0.0.1']);
  assert.deepEqual(await challengeOf(['127.0.0.1']), ['https://agent.example', '198.51.100.7']);
  await using open = await openEdge(gate, { settings: { trustedProxies: ['127.0.0.1'] } });
  assert.equal((await ask(`${open.url}/healthz`, 'GET', { 'x-forwarded-host': 'evil.example' })).status, 403);
  const inner = { host: 'evil.example', 'x-forwarded-host': 'localhost' };
  assert.equal((await ask(`${open.url}/healthz`, 'GET', inner)).status, 403);
});

verifies(
  'auth.metadata.served',
  async () => {
    await using open = await openEdge(gate);
    for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']) {
      const response = await fetch(open.url + path);
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), {
        resource: `${open.url}/mcp`,
        scopes_supported: ['agentbox:exec', 'agentbox:files', 'agentbox:skills'],
        bearer_methods_supported: ['header'],
        resource_name: 'agentbox',
      });
    }
  },
  { cell: 'over HTTP' },
);

after(() => {
  assert.deepEqual(
    openResources().filter((kind) => kind.startsWith('TCPServer')),
    [],
  );
});
