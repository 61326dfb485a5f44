/** What the edge answers to well-formed requests: routes, methods, hosts, origins, headers. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { AgentboxError, OPERATOR } from '@agentbox/protocol';
import { listen } from '@agentbox/server';
import { openGate } from '../../auth/gate.ts';
import { verifies } from '../../requirements/verifies.ts';
import { doorOf, openEdge, openResources, RawClient } from './edge-fixture.ts';
import { ask, codeOf } from './plain-request.ts';

const gate = await openGate();
after(() => gate[Symbol.asyncDispose]());

verifies('edge.mcp.unauthenticated', async () => {
  await using open = await openEdge(gate);
  for (const path of ['/mcp', '/mcp/']) {
    for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'PATCH']) {
      const answer = await ask(open.url + path, method, {});
      assert.equal(answer.status, 401, method);
      assert.equal(codeOf(answer.body), 'UNAUTHENTICATED');
      const expected = `resource_metadata="${open.url}/.well-known/oauth-protected-resource/mcp"`;
      assert.ok(String(answer.headers['www-authenticate']).endsWith(expected));
    }
  }
});

verifies(
  'edge.mcp.unauthenticated',
  async () => {
    await using open = await openEdge(gate);
    using client = new RawClient(open.port);
    client.send(`POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{`);
    assert.equal(await client.answer(), 401);
    assert.ok(client.received.includes('"hint"'), 'the whole refusal comes although no body was sent');
  },
  { cell: 'the refusal does not wait for the body' },
);

verifies('edge.mcp.door', async () => {
  const seen: unknown[] = [];
  const door = doorOf(async (request, caller, body) => {
    seen.push([request.method, new URL(request.url).pathname, caller.principal.id, body, await request.text()]);
    return Response.json({ ok: true }, { headers: { 'mcp-session-id': 's' } });
  });
  await using open = await openEdge(gate, { door });
  for (const path of ['/mcp', '/mcp/', '/mcp?x=1']) {
    const body = '{"jsonrpc":"2.0","id":1,"method":"ping","text":"\\ud83d\\ude00 ü"}';
    const response = await fetch(open.url + path, { method: 'POST', headers: open.headers, body });
    assert.deepEqual([response.status, await response.json()], [200, { ok: true }]);
    assert.equal(response.headers.get('mcp-session-id'), 's');
    assert.deepEqual(seen.pop(), ['POST', path.replace('?x=1', ''), OPERATOR, JSON.parse(body), body]);
  }
  await fetch(`${open.url}/mcp`, { method: 'DELETE', headers: open.headers });
  assert.deepEqual(seen.pop(), ['DELETE', '/mcp', OPERATOR, undefined, '']);
});

verifies('edge.mcp.door-fails', async () => {
  const failures: unknown[] = [new TypeError('secret of the door'), new AgentboxError('BOX_UNAVAILABLE', 'restarting')];
  const door = doorOf(() => {
    throw failures.shift();
  });
  await using open = await openEdge(gate, { door });
  const post = (): Promise<Response> => fetch(`${open.url}/mcp`, { method: 'POST', headers: open.headers, body: '{}' });
  const first = await post();
  const text = await first.text();
  assert.deepEqual([first.status, codeOf(text)], [500, 'INTERNAL']);
  assert.ok(!text.includes('secret'));
  assert.equal(open.faults.length, 1);
  const second = await post();
  assert.deepEqual([second.status, codeOf(await second.text())], [503, 'BOX_UNAVAILABLE']);
});

verifies(
  'edge.mcp.door-fails',
  async () => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('data: 1\n\n')),
      pull: () => Promise.reject(new TypeError('secret of the stream')),
    });
    const door = doorOf(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
    await using open = await openEdge(gate, { door });
    const response = await fetch(`${open.url}/mcp`, { method: 'POST', headers: open.headers, body: '{}' });
    await assert.rejects(response.text(), 'a broken stream does not look whole');
    assert.equal((await fetch(`${open.url}/healthz`)).status, 200);
  },
  { cell: 'in the middle of a stream' },
);

verifies('edge.mcp.media-type', async () => {
  await using open = await openEdge(gate);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', '']) {
    const headers = { ...open.headers, 'content-type': type };
    const response = await fetch(`${open.url}/mcp`, { method: 'POST', headers, body: '{}' });
    assert.equal(response.status, 415, type);
  }
  const zipped = { ...open.headers, 'content-encoding': 'gzip' };
  assert.equal((await fetch(`${open.url}/mcp`, { method: 'POST', headers: zipped, body: '{}' })).status, 415);
  const spelled = { ...open.headers, 'content-type': 'Application/JSON; charset=utf-8' };
  assert.equal((await fetch(`${open.url}/mcp`, { method: 'POST', headers: spelled, body: '{}' })).status, 200);
});

verifies('edge.routes.health', async () => {
  const checks = [{ name: 'box', essential: true, check: async () => ({ ok: false, reason: 'gone' }) as const }];
  await using open = await openEdge(gate, { checks });
  const response = await fetch(`${open.url}/healthz`);
  assert.deepEqual([response.status, await response.json()], [200, { status: 'ok' }]);
});

verifies('edge.routes.ready', async () => {
  let box = false;
  let now = 0;
  const checks = [
    { name: 'storage', essential: true, check: async () => ({ ok: true }) as const },
    {
      name: 'box',
      essential: true,
      check: async () => (box ? ({ ok: true } as const) : Promise.reject(new TypeError('no socket'))),
    },
    { name: 'issuer', essential: false, check: async () => ({ ok: false, reason: 'answered 502' }) as const },
  ];
  await using open = await openEdge(gate, { checks, clock: () => now, settings: { allowedHosts: ['agent.example'] } });
  const near = await ask(`${open.url}/readyz`, 'GET', {});
  assert.equal(near.status, 503);
  assert.deepEqual(JSON.parse(near.body), {
    ready: false,
    checks: [
      { name: 'storage', ok: true, reason: null },
      { name: 'box', ok: false, reason: 'no socket' },
      { name: 'issuer', ok: false, reason: 'answered 502' },
    ],
  });
  for (const headers of [{ host: 'agent.example' }, { 'x-forwarded-for': '192.0.2.1' }]) {
    assert.ok(!(await ask(`${open.url}/readyz`, 'GET', headers)).body.includes('no socket'));
  }
  box = true;
  now = 1_000;
  assert.equal((await ask(`${open.url}/readyz`, 'GET', {})).status, 200);
});

verifies('edge.routes.metrics', async () => {
  await using open = await openEdge(gate, { settings: { allowedHosts: ['agent.example'] } });
  const { body, headers, status } = await ask(`${open.url}/metrics`, 'GET', {});
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  for (const name of [
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_seconds{quantile="0.99"}',
    'agentbox_http_connections',
  ]) {
    assert.ok(
      body.split('\n').some((line) => line.startsWith(`${name} `)),
      name,
    );
  }
  const exec = await gate.tokenFor(['exec']);
  for (const sign of [
    { host: 'agent.example' },
    { 'x-forwarded-for': '1.2.3.4' },
    { forwarded: 'for=1.2.3.4' },
    { 'cf-connecting-ip': '1.2.3.4' },
  ]) {
    assert.equal((await ask(`${open.url}/metrics`, 'GET', sign)).status, 401);
    const limited = await ask(`${open.url}/metrics`, 'GET', { ...sign, authorization: `Bearer ${exec}` });
    assert.equal(limited.status, 403);
    assert.match(String(limited.headers['www-authenticate']), /error="insufficient_scope".*scope="agentbox:admin"/);
    assert.equal(
      (await ask(`${open.url}/metrics`, 'GET', { ...sign, authorization: `Bearer ${gate.token}` })).status,
      200,
    );
  }
});

verifies('edge.routes.unknown', async () => {
  await using open = await openEdge(gate);
  for (const path of [
    '/',
    '/mcpx',
    '/mcp/x',
    '//mcp',
    '/%6dcp',
    '/healthz/',

    '/.env',
    '/favicon.ico',
  ]) {
    using client = new RawClient(open.port);
    client.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    assert.equal(await client.end(), 404, path);
    assert.ok(client.received.includes('"ROUTE_NOT_FOUND"'), path);
  }
});

verifies('edge.routes.methods', async () => {
  await using open = await openEdge(gate);
  const head = await ask(`${open.url}/healthz`, 'HEAD', {});
  assert.deepEqual([head.status, head.body], [200, '']);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE']) {
    const answer = await ask(`${open.url}/healthz`, method, {});
    assert.deepEqual(
      [answer.status, codeOf(answer.body), answer.headers['allow']],
      [405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
      method,
    );
  }
  for (const method of ['PUT', 'PATCH', 'HEAD']) {
    const answer = await ask(`${open.url}/mcp`, method, open.headers);
    assert.deepEqual([answer.status, answer.headers['allow']], [405, 'GET, POST, DELETE, OPTIONS'], method);
  }
  const options = await ask(`${open.url}/mcp`, 'OPTIONS', {});
  assert.deepEqual([options.status, options.headers['allow']], [204, 'GET, POST, DELETE, OPTIONS']);
  const upgrade = await ask(`${open.url}/mcp`, 'GET', { connection: 'upgrade', upgrade: 'websocket' });
  assert.equal(upgrade.status, 401);
  using proxied = new RawClient(open.port);
  proxied.send('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
  assert.equal(await proxied.end(), 405);
});

verifies('edge.answers.shape', async () => {
  await using open = await openEdge(gate);
  const answers = await Promise.all([
    ask(`${open.url}/x`, 'GET', {}),
    ask(`${open.url}/mcp`, 'POST', {}),
    ask(`${open.url}/healthz`, 'GET', { host: 'evil.example' }),
    ask(`${open.url}/healthz`, 'GET', { host: 'x_y z' }),
    ask(`${open.url}/healthz`, 'POST', {}),
    ask(`${open.url}/healthz`, 'GET', { a: 'x'.repeat(20_000) }),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [404, 401, 403, 400, 405, 431],
  );
  for (const { headers, body } of answers) {
    codeOf(body);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/);
    assert.equal(headers['x-powered-by'], undefined);
  }
});

verifies('auth.token.kept-secret', async () => {
  const door = doorOf(() => {
    throw new TypeError('fails');
  });
  let now = 0;
  // Each refusal is more than a minute after the one before it, so that all are on the record.
  await using open = await openEdge(gate, { door, clock: () => (now += 60_000) });
  const wrong = `abx_${'7'.repeat(64)}`;
  const said: string[] = [];
  for (const token of [wrong, gate.token]) {
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { authorization: `Basic ${token}` },
      { authorization: `Bearer ${token} x` },
    ]) {
      const answer = await ask(`${open.url}/mcp?access_token=${token}`, 'POST', headers);
      said.push(JSON.stringify(answer));
      said.push(JSON.stringify(await ask(`${open.url}/mcp`, 'GET', headers)));
    }
    said.push((await ask(`${open.url}/metrics`, 'GET', {})).body);
  }
  said.push(JSON.stringify(open.records), String(open.faults));
  for (const text of said) assert.ok(!text.includes(wrong) && !text.includes(gate.token), text);
  assert.ok(open.records.length > 4);
});

verifies('edge.record.known-routes', async () => {
  await using open = await openEdge(gate);
  const secret = `abx_${'5a'.repeat(32)}`;
  for (const path of [`/mcp/${secret}`, `/${secret}`, `//${secret}`]) {
    await ask(open.url + path, 'GET', { host: 'evil.example' });
  }
  await ask(`${open.url}/mcp/`, 'GET', { authorization: 'Bearer nonsense' });
  assert.deepEqual(new Set(open.records.map(({ subject }) => subject)), new Set(['other', '/mcp']));
  assert.ok(!JSON.stringify(open.records).includes(secret));
});

verifies('edge.record.refusals', async () => {
  await using open = await openEdge(gate);
  await ask(`${open.url}/mcp?x=1`, 'GET', { authorization: 'Bearer nonsense' });
  await ask(`${open.url}/healthz`, 'GET', { host: 'evil.example' });
  const [first, second] = open.records;
  assert.deepEqual(
    [first?.kind, first?.subject, first?.outcome, first?.detail],
    ['door.refused', '/mcp', 'refused', { code: 'UNAUTHENTICATED', method: 'GET', from: '127.0.0.1' }],
  );
  assert.deepEqual([second?.subject, second?.detail['code']], ['/healthz', 'HOST_NOT_ALLOWED']);
});

verifies(
  'edge.record.refusals',
  async () => {
    let now = 0;
    await using open = await openEdge(gate, { clock: () => now });
    for (let n = 0; n < 80; n += 1) await ask(`${open.url}/x`, 'GET', { host: 'evil.example' });
    const { length } = open.records;
    assert.equal(length, 1, 'one a minute for each code');
    const [first] = open.records;
    assert.ok(first !== undefined);
    // The log confirms in order: what was given to it before is confirmed too.
    await gate.stores.audit.append(first);
    now = 59_999;
    await ask(`${open.url}/x`, 'GET', { host: 'evil.example' });
    assert.equal(open.records.length, length, 'the minute is not over');
    now = 60_000;
    await ask(`${open.url}/x`, 'GET', { host: 'evil.example' });
    assert.equal(open.records.length, length + 1, 'the minute allows one more');
    const omitted = open.records.map(({ detail }) => Number(detail['omitted_before'] ?? 0));
    assert.equal(
      omitted.reduce((sum, count) => sum + count, open.records.length),
      82,
    );
    assert.ok(
      (await ask(`${open.url}/metrics`, 'GET', {})).body.includes(
        'agentbox_door_refusals_total{code="HOST_NOT_ALLOWED"} 82',
      ),
    );
  },
  { cell: 'a flood' },
);

verifies('edge.bind.loopback', async () => {
  await using open = await openEdge(gate);
  for (const host of ['0.0.0.0', '::', '192.168.1.1', 'agent.example']) {
    await assert.rejects(listen(open.edge, { host, port: 0 }), { code: 'CONFIG_INVALID' }, host);
  }
});

verifies('edge.bind.taken', async () => {
  await using open = await openEdge(gate);
  await assert.rejects(listen(open.edge, { host: '127.0.0.1', port: open.port }), {
    code: 'ALREADY_RUNNING',
    message: new RegExp(`port ${open.port} `),
  });
});

verifies('edge.metrics.bounded', async () => {
  await using open = await openEdge(gate);
  for (let n = 0; n < 50; n += 1) await ask(`${open.url}/invented-${n}`, n % 2 === 0 ? 'PURGE' : 'GET', {});
  const { body } = await ask(`${open.url}/metrics`, 'GET', {});
  assert.ok(!body.includes('invented') && !body.includes('PURGE'));
  const counter = open.edge.metrics.counter('test_total', 'A test.');
  for (let n = 0; n < 2_000; n += 1) counter.add({ tool: `t${n}"\n` });
  const lines = open.edge.metrics
    .render()
    .split('\n')
    .filter((line) => line.startsWith('test_total'));
  assert.equal(lines.length, 501);
  assert.ok(lines.includes('test_total{tool="_other"} 1500'));
  assert.ok(lines.includes('test_total{tool="t0\\"\\n"} 1'));
});

after(() => {
  assert.deepEqual(
    openResources().filter((kind) => kind.startsWith('TCPServer')),
    [],
  );
});
