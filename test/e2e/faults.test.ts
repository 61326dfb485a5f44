/** The server on a machine that fails it: a disk that takes nothing more, a database that is gone. It ends and says so. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENTBOX, exitOf, Home, isAlive, plainEnvironment, ROOT, runProgram, until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';

verifies('cli.life.full-disk-stops', async () => {
  await using home = new Home();
  const up = await home.up();
  // No file grows beyond a kibibyte: each write of the database fails, as on a full disk.
  const limited = await runProgram('prlimit', ['--pid', String(up.ready.pid), '--fsize=1024']);
  assert.equal(limited.code, 0, limited.stderr);
  const ended = await up.end('SIGTERM');
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /^[A-Z_]+ {2}.*agentbox\.db/m);
  assert.ok(isAlive(up.ready.boxd_pid), 'the box goes on');
  const next = await home.up();
  assert.equal((await next.end('SIGTERM')).code, 0, 'the home can be used again');
});

/** An installation whose database thread ends when the file `trip` comes. */
class Installation implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'agentbox-installed-'));
  readonly trip = join(this.path, 'trip');
  readonly agentbox = join(this.path, 'packages', 'cli', 'bin', 'agentbox');

  constructor() {
    mkdirSync(join(this.path, 'packages'), { recursive: true });
    cpSync(join(ROOT, 'packages', 'cli', 'bin'), join(this.path, 'packages', 'cli', 'bin'), { recursive: true });
    cpSync(join(ROOT, 'dist'), join(this.path, 'dist'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(this.path, 'node_modules'));
    const worker = join(this.path, 'dist', 'storage-worker.mjs');
    renameSync(worker, join(this.path, 'dist', 'whole-worker.mjs'));
    const lines = [
      "import { existsSync } from 'node:fs';",
      `setInterval(() => existsSync(${JSON.stringify(this.trip)}) && process.exit(0), 20).unref();`,
      "await import('./whole-worker.mjs');",
    ];
    writeFileSync(worker, `${lines.join('\n')}\n`);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

verifies('cli.life.dead-database-ends', async () => {
  await using home = new Home();
  using installed = new Installation();
  const up = await home.up({ program: installed.agentbox });
  writeFileSync(installed.trip, '');
  assert.equal(await exitOf(up.child), 1);
  assert.ok(!isAlive(up.ready.pid));
  assert.ok(isAlive(up.ready.boxd_pid), 'the box goes on');
  assert.match((await up.end('SIGTERM')).stderr, /^STORAGE_UNAVAILABLE/m);
});

/** Makes the server's own thread throw, or reject, a token when the file `trip` comes. */
class Tripwire implements Disposable {
  readonly #path = mkdtempSync(join(tmpdir(), 'agentbox-tripwire-'));
  readonly #trip = join(this.#path, 'trip');
  readonly token = `abx_${'0f'.repeat(32)}`;
  readonly env: Readonly<Record<string, string>>;

  constructor(how: 'throws' | 'rejects') {
    const script = join(this.#path, 'tripwire.mjs');
    const fault = `new Error('what ${this.token} opens')`;
    const lines = [
      "import { existsSync } from 'node:fs';",
      "import { isMainThread } from 'node:worker_threads';",
      'const isServer = isMainThread && process.argv.some((one) => one === "up" || one === "stdio");',
      `const look = () => { if (existsSync(${JSON.stringify(this.#trip)})) { clearInterval(timer); trip(); } };`,
      'const timer = isServer ? setInterval(look, 20).unref() : undefined;',
      how === 'throws'
        ? `const trip = () => { throw ${fault}; };`
        : `const trip = () => void Promise.reject(${fault});`,
    ];
    writeFileSync(script, `${lines.join('\n')}\n`);
    this.env = { NODE_OPTIONS: `--import ${script}` };
  }

  spring(): void {
    writeFileSync(this.#trip, '');
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

for (const how of ['throws', 'rejects'] as const) {
  verifies(
    'cli.life.uncaught-fault-ends',
    async () => {
      await using home = new Home();
      using wire = new Tripwire(how);
      const up = await home.up({ env: wire.env });
      wire.spring();
      assert.equal(await exitOf(up.child), 1);
      const { stderr } = await up.end('SIGTERM');
      assert.match(stderr, /"fault":"nobody caught a fault/);
      assert.ok(!stderr.includes(wire.token), stderr);
      assert.ok(isAlive(up.ready.boxd_pid), 'the box goes on');
      const record = (await home.run(['logs', '--json', '-n', '1'])).stdout;
      assert.match(record, /"kind":"server.stopped"/);
      assert.ok(!record.includes(wire.token), record);
    },
    { cell: `up, ${how}` },
  );
}

verifies(
  'cli.life.uncaught-fault-ends',
  async () => {
    await using home = new Home();
    using wire = new Tripwire('rejects');
    const child = spawn(AGENTBOX, ['stdio', '--home', home.path], { env: plainEnvironment(wire.env), cwd: tmpdir() });
    let said = '';
    child.stderr.on('data', (part: Buffer) => void (said += part.toString()));
    await until('it serves', () => existsSync(join(home.path, 'control.sock')));
    await until('it is recorded', async () => (await home.run(['logs'])).stdout.includes('server.started'));
    wire.spring();
    assert.equal(await exitOf(child), 1);
    assert.match(said, /"fault":"nobody caught a fault/);
    assert.ok(!said.includes(wire.token), said);
    assert.match((await home.run(['logs', '--json', '-n', '1'])).stdout, /"kind":"server.stopped"/);
  },
  { cell: 'stdio' },
);
