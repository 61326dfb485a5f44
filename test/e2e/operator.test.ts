/** What the operator does from a second terminal: token, record, sessions, status, stdio. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { z } from 'zod';
import { AGENTBOX, exitOf, Home, plainEnvironment, processesWith, until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { TestClient } from './client.ts';

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
  'cli.token.rotate-at-once',
  async () => {
    await using home = new Home();
    const up = await home.up();
    const { url, token } = up.ready;
    assert.notEqual(await statusOf(url, token), 401);
    const rotated = await home.run(['token', 'rotate']);
    assert.equal(rotated.code, 0);
    const fresh = rotated.stdout.trim();
    assert.notEqual(fresh, token);
    assert.equal(await statusOf(url, token), 401);
    assert.notEqual(await statusOf(url, fresh), 401);
    assert.equal((await home.run(['token', 'show'])).stdout.trim(), fresh);
  },
  { cell: 'while the server runs' },
);

verifies(
  'cli.token.rotate-at-once',
  async () => {
    await using home = new Home();
    const first = await home.up();
    await first.end('SIGTERM');
    const fresh = (await home.run(['token', 'rotate'])).stdout.trim();
    const second = await home.up();
    assert.equal(second.ready.token, fresh);
    assert.equal(await statusOf(second.ready.url, first.ready.token), 401);
  },
  { cell: 'while nothing runs' },
);

for (const lost of ['token', 'agentbox.db']) {
  verifies(
    'cli.token.heals',
    async () => {
      await using home = new Home();
      const first = await home.up();
      await home.run(['down']);
      for (const end of ['', '-wal', '-shm', '.lock']) rmSync(join(home.path, `${lost}${end}`), { force: true });
      const second = await home.up();
      assert.notEqual(second.ready.token, first.ready.token);
      assert.notEqual(await statusOf(second.ready.url, second.ready.token), 401);
      assert.equal(readFileSync(join(home.path, 'token'), 'utf8').trim(), second.ready.token);
    },
    { cell: lost },
  );
}

const record = z.object({ seq: z.number(), kind: z.string(), principal: z.string().nullable(), subject: z.string() });
const recordsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => record.parse(JSON.parse(line)));

verifies('cli.logs.tail-and-filter', async () => {
  await using home = new Home();
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  for (let count = 0; count < 3; count += 1) await client.call('exec_command', { cmd: 'true' });
  const calls = recordsOf((await home.run(['logs', '--json', '--kind', 'call'])).stdout);
  assert.deepEqual(new Set(calls.map(({ kind }) => kind)), new Set(['call.started', 'call.finished']));
  assert.equal(calls.length, 6);
  assert.ok(
    calls.every(({ seq }, index) => index === 0 || seq > (calls[index - 1]?.seq ?? 0)),
    'newest last',
  );
  const last = recordsOf((await home.run(['logs', '--json', '-n', '2', '--kind', 'call.finished'])).stdout);
  assert.deepEqual(
    last.map(({ kind }) => kind),
    ['call.finished', 'call.finished'],
  );
  const nobody = await home.run(['logs', '--json', '--principal', 'p_nobody']);
  assert.equal(nobody.stdout, '');
  const wrong = await home.run(['logs', '--kind', 'nonsense']);
  assert.equal(wrong.code, 2);
  await up.end('SIGTERM');
  const offline = recordsOf((await home.run(['logs', '--json', '-n', '1'])).stdout);
  assert.equal(offline[0]?.kind, 'server.stopped', 'the record is readable while nothing runs');
});

verifies('cli.logs.readable', async () => {
  await using home = new Home();
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  const cmd = 'printf "one\\n"; exit 3';
  await client.call('exec_command', { cmd, workdir: home.path });
  const patch = `*** Begin Patch\n*** Add File: ${home.path}/new\n+x\n*** End Patch\n`;
  await client.call('apply_patch', { patch });
  const { stdout } = await home.run(['logs', '--kind', 'call']);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 4, stdout);
  assert.ok(lines[0]?.includes(`agentbox_exec_command  ${cmd}  workdir=${home.path}`), lines[0]);
  assert.match(lines[1] ?? '', /agentbox_exec_command {2}.*exit 3.* by operator$/);
  assert.ok(lines[2]?.includes(`agentbox_apply_patch  add ${home.path}/new`), lines[2]);
});

verifies('cli.logs.follow', async () => {
  await using home = new Home();
  const up = await home.up();
  const follower = spawn(AGENTBOX, ['logs', '--follow', '--json', '--kind', 'call.started'], {
    env: plainEnvironment({ AGENTBOX_HOME: home.path }),
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  follower.stdout.on('data', (part: Buffer) => {
    text += part.toString('utf8');
  });
  await using client = await TestClient.connect(up.ready);
  await until('a call is followed', async () => {
    await client.call('exec_command', { cmd: 'true' });
    return text.includes('call.started');
  });
  follower.kill('SIGTERM');
  await exitOf(follower);
});

verifies('cli.sessions.list', async () => {
  await using home = new Home();
  assert.equal((await home.run(['sessions', 'list'])).stdout, 'Nothing runs.\n');
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  const session = await client.start('printf "\\033]0;title\\007"; sleep 600 # a\tlong\u001B[31m one', { tty: true });
  const listed = await home.run(['sessions', 'list']);
  assert.match(listed.stdout, new RegExp(`${session}\\s+running\\s+\\d+s\\s+\\d+ B\\s+80x24\\s+printf`));
  assert.doesNotMatch(listed.stdout, /\u001B/, 'a command line cannot colour the list');
  const json = z
    .array(z.object({ session: z.string() }))
    .parse(JSON.parse((await home.run(['sessions', 'list', '--json'])).stdout));
  assert.deepEqual(
    json.map((one) => one.session),
    [session],
  );
});

verifies('cli.sessions.kill', async () => {
  await using home = new Home();
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  const marker = `602.${process.pid}`;
  const session = await client.start(`trap '' TERM; (trap '' TERM; sleep ${marker}) & wait; wait; sleep ${marker}`);
  await until('its child runs', () => processesWith(`sleep\0${marker}`).length > 0);
  const killed = await home.run(['sessions', 'kill', session.slice(0, 8), '--signal', 'kill']);
  assert.equal(killed.code, 0, killed.stdout + killed.stderr);
  assert.match(killed.stdout, new RegExp(`Ended ${session} \\(SIGKILL to [2-9] processes\\)`));
  assert.deepEqual(processesWith(`sleep\0${marker}`), []);
});

verifies('cli.sessions.names', async () => {
  await using home = new Home();
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  await client.start('sleep 600');
  await client.start('sleep 600');
  const ambiguous = await home.run(['sessions', 'kill', 's_']);
  assert.equal(ambiguous.code, 2);
  assert.match(ambiguous.stderr, /begins the ids of 2 sessions/);
  const unknown = await home.run(['sessions', 'kill', 's_nothere']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^SESSION_NOT_FOUND/);
});

verifies('cli.attach.needs-a-terminal', async () => {
  await using home = new Home();
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  const session = await client.start('sleep 600', { tty: true });
  const ran = await home.run(['sessions', 'attach', session]);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^NO_TTY/);
});

verifies('cli.status.exit-code', async () => {
  await using home = new Home();
  const before = await home.run(['status']);
  assert.equal(before.code, 3);
  assert.match(before.stdout, /Server\s+○ not running/);
  const up = await home.up();
  const running = await home.run(['status', '--json']);
  assert.equal(running.code, 0);
  const status = z
    .object({ server: z.object({ pid: z.number(), url: z.string() }), box: z.object({ pid: z.number() }) })
    .parse(JSON.parse(running.stdout));
  assert.equal(status.server.pid, up.ready.pid);
  assert.equal(status.box.pid, up.ready.boxd_pid);
});

async function overStdio(home: Home): Promise<string> {
  const client = new Client({ name: 'e2e', version: '1' });
  const env = Object.entries(plainEnvironment({ AGENTBOX_HOME: home.path })).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  await client.connect(
    new StdioClientTransport({ command: AGENTBOX, args: ['stdio'], env: Object.fromEntries(env), stderr: 'inherit' }),
  );
  try {
    const result = await client.callTool({ name: 'exec_command', arguments: { cmd: 'echo over stdio' } });
    return JSON.stringify(result.structuredContent);
  } finally {
    await client.close();
  }
}

verifies('cli.stdio.alone', async () => {
  await using home = new Home();
  assert.match(await overStdio(home), /over stdio/);
  await until('no idle box is left', () => processesWith(home.path).length === 0);
});

verifies('cli.stdio.beside-up', async () => {
  await using home = new Home();
  const up = await home.up();
  assert.match(await overStdio(home), /over stdio/);
  assert.equal((await fetch(new URL('/healthz', up.ready.url))).status, 200, 'the server goes on');
  const calls = recordsOf((await home.run(['logs', '--json', '--kind', 'call.finished'])).stdout);
  assert.equal(calls.length, 1, 'it is in the record of the server');
});
