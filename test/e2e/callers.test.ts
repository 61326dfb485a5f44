/** Callers beside the operator: made, listed and revoked from the command line, and kept apart from each other. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Home, until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { TestClient } from './client.ts';

const created = z.object({
  token: z.string().regex(/^abx_[0-9a-f]{64}$/),
  principal: z.string(),
  expires_at: z.number().nullable(),
});

async function create(home: Home, ...args: readonly string[]): Promise<z.output<typeof created>> {
  const ran = await home.run(['token', 'create', ...args, '--json']);
  assert.equal(ran.code, 0, ran.stderr);
  return created.parse(JSON.parse(ran.stdout));
}

async function statusOf(url: string, token: string): Promise<number> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  return (await fetch(url, { method: 'POST', body, headers })).status;
}

verifies(
  'cli.token.second-caller',
  async () => {
    await using home = new Home();
    const { url } = (await home.up()).ready;
    const { token } = await create(home, 'ci', '--scopes', 'files');
    await using client = await TestClient.connect({ url, token });
    const tools = await client.tools();
    assert.ok(tools.includes('agentbox_apply_patch') && !tools.includes('agentbox_exec_command'), tools.join(' '));
    const again = await home.run(['token', 'create', 'ci']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /already/);
    assert.match((await home.run(['token', 'list'])).stdout, /^ {2}ci +files +\d{4}-/m);
    assert.ok(!(await home.run(['token', 'list', '--json'])).stdout.includes('abx_'));
    assert.equal((await home.run(['token', 'revoke', 'ci'])).code, 0);
    assert.equal(await statusOf(url, token), 401, 'at once');
    assert.doesNotMatch((await home.run(['token', 'list'])).stdout, /ci/);
    const record = (await home.run(['logs', '--json', '--kind', 'token'])).stdout;
    for (const kind of ['token.created', 'token.revoked'])
      assert.match(record, new RegExp(`"kind":"${kind}"[^\\n]*"subject":"ci"`));
    assert.ok(!record.includes('abx_'), 'no record holds a token');
  },
  { cell: 'while the server runs' },
);

verifies(
  'cli.token.second-caller',
  async () => {
    await using home = new Home();
    await (await home.up()).end('SIGTERM');
    const kept = await create(home, 'kept');
    const gone = await create(home, 'gone');
    const short = await create(home, 'short', '--expires', '1s');
    assert.equal((await home.run(['token', 'revoke', 'gone'])).code, 0);
    const { url } = (await home.up()).ready;
    assert.notEqual(await statusOf(url, kept.token), 401);
    assert.equal(await statusOf(url, gone.token), 401);
    await sleep(Math.max(0, (short.expires_at ?? 0) - Date.now() + 1));
    assert.equal(await statusOf(url, short.token), 401);
  },
  { cell: 'while nothing runs' },
);

verifies(
  'cli.token.second-caller',
  async () => {
    await using home = new Home();
    await (await home.up()).end('SIGTERM');
    for (const args of [['create'], ['create', 'a b'], ['create', 'x', '--scopes', 'all'], ['list', 'x']])
      assert.equal((await home.run(['token', ...args])).code, 2, args.join(' '));
    assert.equal((await home.run(['token', 'create', 'x', '--expires', 'soon'])).code, 2);
    for (const args of [
      ['revoke', 'nobody'],
      ['revoke', 'operator'],
      ['create', 'operator'],
    ])
      assert.equal((await home.run(['token', ...args])).code, 1, args.join(' '));
  },
  { cell: 'what is refused' },
);

verifies('cli.token.callers-apart', async () => {
  await using home = new Home();
  const { url } = (await home.up()).ready;
  await using one = await TestClient.connect({ url, token: (await create(home, 'one')).token });
  await using two = await TestClient.connect({ url, token: (await create(home, 'two')).token });
  const session = await one.start('sleep 600');
  const invented = session.replace(/.{4}$/, (end) => (end === 'aaaa' ? 'bbbb' : 'aaaa'));
  for (const args of [{}, { chars: 'x' }]) {
    const foreign = await two.call('write_stdin', { session_id: session, yield_time_ms: 250, ...args });
    const unknown = await two.call('write_stdin', { session_id: invented, yield_time_ms: 250, ...args });
    assert.ok(foreign.isError);
    assert.equal(foreign.text.replaceAll(session, 'ID'), unknown.text.replaceAll(invented, 'ID'));
  }
  assert.ok(!(await two.call('list_sessions', {})).text.includes(session));
  const mine = await until('its owner sees it', async () => await one.call('list_sessions', {}));
  assert.ok(mine.text.includes(session));
});
