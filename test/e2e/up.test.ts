/** `agentbox up` from outside: what it prints, what it refuses, and a real client that works through it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { AGENTBOX, exitOf, Home, isAlive, plainEnvironment, processesWith, runProgram, until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { ERAS, type Era, TestClient } from './client.ts';

verifies('cli.up.one-json-line', async () => {
  await using home = new Home();
  const up = await home.up();
  const { url, token, pid, boxd_pid: boxdPid } = up.ready;
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  assert.match(token, /^abx_[0-9a-f]{64}$/);
  assert.ok(isAlive(pid) && isAlive(boxdPid) && pid !== boxdPid);
  assert.equal((await fetch(new URL('/healthz', url))).status, 200);
  const ended = await up.end('SIGTERM');
  assert.equal(ended.code, 0);
  assert.equal(ended.stdout.split('\n').length, 2, 'one line and its end');
  assert.equal(ended.stdout, `${JSON.stringify(up.ready)}\n`);
});

for (const era of ['2025 sessions', '2026-07-28 requests'] satisfies readonly Era[]) {
  verifies(
    'cli.up.real-client-both-eras',
    async () => {
      assert.ok(era in ERAS);
      await using home = new Home();
      const up = await home.up();
      await using client = await TestClient.connect(up.ready, era);
      assert.ok((await client.tools()).includes('agentbox_exec_command'));
      const answer = await client.call('agentbox_exec_command', { cmd: 'printf "%s" "$((6 * 7))"; exit 3' });
      assert.equal(answer.output, '42');
      assert.equal(answer.exit_code, 3);
      const bare = await client.call('exec_command', { cmd: 'id -un' });
      assert.equal(bare.output?.trim(), userInfo().username);
    },
    { cell: era },
  );
}

verifies('cli.up.port-zero', async () => {
  await using home = new Home();
  const up = await home.up();
  assert.notEqual(new URL(up.ready.url).port, '0');
});

verifies('cli.up.port-busy', async () => {
  await using home = new Home();
  const blocker = createServer();
  await new Promise<void>((listening) => blocker.listen(0, '127.0.0.1', listening));
  const address = blocker.address();
  assert.ok(address !== null && typeof address === 'object');
  const ran = await home.run(['up', '--port', String(address.port)]);
  blocker.close();
  assert.equal(ran.code, 1);
  assert.equal(ran.stdout, '');
  assert.match(ran.stderr, /^PORT_TAKEN/);
  assert.match(ran.stderr, new RegExp(`process ${process.pid} `), 'it names who holds the port');
  assert.match(ran.stderr, /--port/);
});

verifies('cli.up.failed-start-leaves-nothing', async () => {
  await using home = new Home();
  const blocker = createServer();
  await new Promise<void>((listening) => blocker.listen(0, '127.0.0.1', listening));
  const address = blocker.address();
  assert.ok(address !== null && typeof address === 'object');
  const port = String(address.port);
  assert.equal((await home.run(['up', '--port', port])).code, 1);
  assert.deepEqual(processesWith(home.path), [], 'no box is left');
  const first = await home.up();
  await first.end('SIGTERM');
  assert.equal((await home.run(['up', '--port', port])).code, 1);
  assert.ok(isAlive(first.ready.boxd_pid), 'a box that stood before is kept');
  blocker.close();
});

verifies('config.directory-exists', async () => {
  await using home = new Home();
  const ran = await home.run(['up', '--port', '0', '--workspace', join(home.path, 'absent')]);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^CONFIG_INVALID {2}box\.workspace: .*absent is not a directory/);
  assert.deepEqual(processesWith(home.path), [], 'nothing was started');
});

verifies('cli.launch.path-of-the-user', async () => {
  await using home = new Home();
  const folders = ['/x/node_modules/.bin', '/y/node-gyp-bin', '/usr/bin', '/bin'];
  const up = await home.up({ env: { PATH: folders.join(':'), npm_execpath: '/usr/lib/npm.js' } });
  await using client = await TestClient.connect(up.ready);
  const answer = await client.call('exec_command', { cmd: 'echo "$PATH"', login: false });
  assert.doesNotMatch(answer.output ?? '', /node_modules|node-gyp-bin/);
  assert.match(answer.output ?? '', /\/usr\/bin/);
});

verifies('cli.up.second-refused', async () => {
  await using home = new Home();
  const up = await home.up();
  const second = await home.run(['up', '--port', '0']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^ALREADY_RUNNING/);
  assert.ok(second.stderr.includes(`process ${up.ready.pid}`));
  await using client = await TestClient.connect(up.ready);
  assert.equal((await client.call('exec_command', { cmd: 'echo still' })).output, 'still\n');
});

verifies(
  'cli.up.profile',
  async () => {
    await using home = new Home();
    const ran = await home.run(['up', '--port', '0', '--profile', 'nonsense']);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^CONFIG_INVALID .*--profile/);
    assert.deepEqual(processesWith(home.path), [], 'nothing was started');
  },
  { cell: 'unknown' },
);

verifies(
  'cli.up.profile',
  async () => {
    await using home = new Home();
    const up = await home.up({ args: ['--port', '0', '--profile', 'host'] });
    assert.ok(isAlive(up.ready.pid));
  },
  { cell: 'host' },
);

verifies('cli.up.unsafe-home-refused', async () => {
  await using home = new Home();
  writeFileSync(join(home.path, 'left-by-others'), '');
  chmodSync(home.path, 0o777);
  const open = await home.run(['up', '--port', '0']);
  assert.equal(open.code, 1);
  assert.match(open.stderr, /^CONFIG_INVALID .*can be written by other users.*chmod 700/);
  chmodSync(home.path, 0o700);
  const file = await home.run(['up', '--port', '0', '--home', join(home.path, 'left-by-others')]);
  assert.equal(file.code, 1);
  assert.match(file.stderr, /^CONFIG_INVALID .*is not a directory/);
});

verifies('cli.up.private-home', async () => {
  await using home = new Home();
  chmodSync(home.path, 0o755);
  await home.up();
  for (const name of ['', 'token', 'agentbox.db', 'server.json', 'server.lock', 'control.sock', 'run']) {
    const mode = lstatSync(join(home.path, name)).mode & 0o077;
    assert.equal(mode, 0, `${name === '' ? 'the home' : name} is closed to others`);
  }
});

verifies('cli.up.home-of-any-length', async () => {
  await using home = new Home(
    undefined,
    ...Array.from({ length: 6 }, () => 'a-long-name-of-a-folder'),
    'ünd Leerzeichen',
  );
  mkdirSync(home.path, { recursive: true });
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  assert.equal((await client.call('exec_command', { cmd: 'echo here' })).output, 'here\n');
  const logs = await home.run(['logs', '--kind', 'call.finished']);
  assert.match(logs.stdout, /agentbox_exec_command/);
});

verifies('cli.up.shows-next-step', async () => {
  await using home = new Home();
  // npm puts the product on PATH while it runs the tests; a user who calls it by its path has it nowhere.
  const path = process.env['PATH']?.split(':').filter((folder) => !folder.endsWith('node_modules/.bin'));
  const child = spawn(AGENTBOX, ['up', '--port', '0'], {
    env: plainEnvironment({ AGENTBOX_HOME: home.path, PATH: path?.join(':') }),
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.on('data', (part: Buffer) => {
    shown += part.toString('utf8');
  });
  await until('the screen is whole', () => shown.includes('Stop'));
  assert.match(shown, /URL\s+http:\/\/127\.0\.0\.1:\d+\/mcp/);
  assert.ok(shown.includes(`in ${join(home.path, 'token')}`), shown);
  assert.match(shown, /without a sandbox/);
  assert.match(shown, /agentbox connect claude/);
  assert.ok(shown.includes(`alias agentbox=${AGENTBOX}\n`), 'what is not on PATH is shown as it can be called');
  assert.doesNotMatch(shown, /\u001B/, 'no escape sequence in a pipe');
  child.kill('SIGTERM');
  assert.equal(await exitOf(child), 0);
});

verifies(
  'cli.up.token-only-on-a-terminal',
  async () => {
    await using home = new Home();
    const up = spawn(AGENTBOX, ['up', '--port', '0'], {
      env: plainEnvironment({ AGENTBOX_HOME: home.path }),
      cwd: tmpdir(),
    });
    let shown = '';
    for (const stream of [up.stdout, up.stderr]) stream.on('data', (part: Buffer) => void (shown += part.toString()));
    await until('the screen is whole', () => shown.includes('Stop'));
    up.kill('SIGTERM');
    assert.equal(await exitOf(up), 0);
    assert.doesNotMatch(shown, /abx_/, 'a journal keeps what a pipe is given');
    const unit = (await home.run(['install', '--print'])).stdout;
    assert.match(unit, /^ExecStart=.* up --home /m);
    assert.doesNotMatch(unit, /--json|abx_/);
  },
  { cell: 'a pipe' },
);

const noTerminal = spawnSync('script', ['--version']).error === undefined ? false : 'needs `script` of util-linux';

verifies(
  'cli.up.token-only-on-a-terminal',
  async () => {
    await using home = new Home();
    const up = spawn('script', ['-qec', `"${AGENTBOX}" up --port 0`, '/dev/null'], {
      env: plainEnvironment({ AGENTBOX_HOME: home.path }),
      cwd: tmpdir(),
    });
    let shown = '';
    up.stdout.on('data', (part: Buffer) => void (shown += part.toString()));
    await until('the screen is whole', () => shown.includes('Stop'));
    assert.ok(shown.includes(readFileSync(join(home.path, 'token'), 'utf8').trim()), shown);
    assert.equal((await home.run(['down'])).code, 0);
    await exitOf(up);
  },
  { cell: 'a terminal', skip: noTerminal },
);

verifies('cli.up.starts-quickly', async () => {
  await using home = new Home();
  const warm = await home.up();
  await warm.end('SIGTERM');
  const bareFrom = performance.now();
  await runProgram(process.execPath, ['-e', '0']);
  const bareMs = performance.now() - bareFrom;
  const from = performance.now();
  await home.up();
  const readyMs = performance.now() - from;
  assert.ok(readyMs < 40 * bareMs + 2000, `ready after ${readyMs} ms; a bare Node takes ${bareMs} ms`);
});
