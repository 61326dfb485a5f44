/** The command line as such: launching, help, mistakes, and the commands that need nothing running. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '@agentbox/protocol';
import { z } from 'zod';
import { verifies } from '../requirements/verifies.ts';
import { AGENTBOX, Home, ROOT, run, runProgram } from './product.ts';

const COMMANDS = [
  'up',
  'down',
  'status',
  'doctor',
  'install',
  'connect',
  'token',
  'expose',
  'stdio',
  'sessions',
  'approvals',
  'policy',
  'attack-me',
  'logs',
  'apply-patch',
] as const;

/** A directory for one test. */
class Scratch implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'agentbox-cli-'));

  program(name: string, script: string): string {
    const file = join(this.path, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

verifies('cli.launch.any-node', async () => {
  using scratch = new Scratch();
  scratch.program('node', 'echo v20.0.0; exit 1');
  symlinkSync(AGENTBOX, join(scratch.path, 'agentbox'));
  const ran = await runProgram(join(scratch.path, 'agentbox'), ['--version'], {
    env: { PATH: `${scratch.path}:/usr/bin:/bin` },
    cwd: '/',
  });
  assert.deepEqual({ ...ran, stderr: '' }, { code: 0, stdout: 'agentbox 0.1.0\n', stderr: '' });
});

verifies('cli.launch.says-what-to-run', async () => {
  using scratch = new Scratch();
  const bin = join(scratch.path, 'packages', 'cli', 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'agentbox'), readFileSync(AGENTBOX), { mode: 0o755 });
  scratch.program('node', '[ "$1" = --version ] && echo v20.1.2 || echo false');
  const ran = await runProgram(join(bin, 'agentbox'), ['up'], { env: { PATH: `${scratch.path}:/usr/bin:/bin` } });
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /needs Node 24 or newer, and found v20\.1\.2/);
  assert.match(ran.stderr, /^ {2}npm install --no-save --ignore-scripts node-linux-(x64|arm64)@24$/m);
});

verifies(
  'cli.launch.rebuilds-when-stale',
  async () => {
    const stamp = join(ROOT, 'dist', '.built');
    await run(['--version']);
    const before = statSync(stamp).mtimeMs;
    await run(['--version']);
    assert.equal(statSync(stamp).mtimeMs, before, 'nothing is newer, so nothing is built');
    utimesSync(stamp, new Date(0), new Date(0));
    assert.equal((await run(['--version'])).code, 0);
    assert.ok(statSync(stamp).mtimeMs >= before);
  },
  { skip: isWritable(ROOT) ? false : 'needs a checkout that this user may write to' },
);

function isWritable(directory: string): boolean {
  const { uid, mode } = statSync(directory);
  return process.getuid?.() === uid && (mode & 0o200) !== 0;
}

verifies('cli.launch.help-loads-no-schema', async () => {
  await run(['--version']);
  const entry = readFileSync(join(ROOT, 'dist', 'cli.mjs'), 'utf8');
  const seen = new Set<string>();
  const visit = (text: string, folder: string): void => {
    for (const [, path = ''] of text.matchAll(/^(?:import|export)[^;]*?from "(\.[^"]+)"|^import "(\.[^"]+)"/gm)) {
      const file = join(folder, path);
      if (path === '' || seen.has(file)) continue;
      seen.add(file);
      visit(readFileSync(file, 'utf8'), join(file, '..'));
    }
  };
  visit(entry, join(ROOT, 'dist'));
  const whole = entry.length + [...seen].reduce((sum, file) => sum + statSync(file).size, 0);
  assert.ok(whole < 64 * 1024, `${whole} bytes are loaded for the help`);
  for (const file of seen) assert.doesNotMatch(readFileSync(file, 'utf8'), /node_modules\/(zod|hono|kysely)/);
});

for (const command of COMMANDS) {
  verifies(
    'cli.help.every-command',
    async () => {
      const [asked, other] = await Promise.all([run([command, '--help']), run(['help', command])]);
      assert.equal(asked.code, 0);
      assert.equal(asked.stderr, '');
      assert.equal(asked.stdout, other.stdout);
      assert.match(asked.stdout, new RegExp(`^agentbox ${command}`));
      assert.match(asked.stdout, /\nOptions\n/);
      assert.match(asked.stdout, /\nExamples\n/);
    },
    { cell: command },
  );
}

verifies(
  'cli.help.every-command',
  async () => {
    const ran = await run([]);
    assert.equal(ran.code, 0);
    for (const command of COMMANDS) assert.match(ran.stdout, new RegExp(`^ {2}${command} `, 'm'));
  },
  { cell: 'the list' },
);

verifies('cli.help.documented', async () => {
  const page = readFileSync(join(ROOT, 'docs', 'cli.md'), 'utf8');
  const headings = [...page.matchAll(/^## agentbox (\S+)$/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(headings), new Set(COMMANDS));
  for (const command of COMMANDS) {
    const { stdout } = await run([command, '--help']);
    const [, section = ''] = page.split(`## agentbox ${command}\n`);
    const own = section.split('\n## ')[0] ?? '';
    const options = [...stdout.matchAll(/(--[a-z-]+)/g)].map(([option]) => option).filter((one) => one !== '--help');
    for (const option of new Set(options)) assert.ok(own.includes(`\`${option}`), `docs/cli.md, ${command}: ${option}`);
    for (const [, option] of own.matchAll(/`(--[a-z-]+)/g))
      assert.ok(stdout.includes(option ?? ''), `${command} has no ${option}`);
  }
});

const MISTAKES: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [['sesions'], /there is no command `sesions`; did you mean `agentbox sessions`\?/],
  [['xyzzy'], /there is no command `xyzzy`; agentbox --help lists the commands/],
  [['up', '--prot', '1'], /unknown option --prot; did you mean --port\?/],
  [['up', 'now'], /unexpected `now`/],
  [['up', '--port'], /--port/],
  [['sessions', 'look'], /say list, attach or kill, not `look`/],
  [['sessions', 'attach', 'x', '--detach-key', 'q'], /`q` is not a key; write it as ctrl-\] or ctrl-a/],
  [['connect', 'clade'], /unknown client `clade`; known are claude, /],
  [['token', 'burn'], /say `show`, `rotate`, `create`, `list` or `revoke`/],
  [['expose', 'it'], /name one: tailscale or cloudflare/],
];

for (const [args, says] of MISTAKES) {
  verifies(
    'cli.unknown.nearest',
    async () => {
      await using home = new Home();
      const ran = await home.run(args);
      assert.equal(ran.code, 2, ran.stderr);
      assert.equal(ran.stdout, '');
      assert.match(ran.stderr, says);
      assert.doesNotMatch(ran.stderr, /\u001B/);
    },
    { cell: args.join(' ') },
  );
}

const findings = z.array(
  z.object({ name: z.string(), verdict: z.enum(['ok', 'warn', 'fail']), text: z.string(), fix: z.string().nullable() }),
);

verifies('cli.doctor.names-the-fix', async () => {
  await using home = new Home();
  const ran = await home.run(['doctor', '--json'], { env: { PATH: '/nowhere:/usr/bin', AGENTBOX_SERVER_PORT: '0' } });
  assert.equal(ran.code, 0, ran.stdout);
  const all = findings.parse(JSON.parse(ran.stdout));
  assert.ok(all.length >= 10);
  assert.ok(all.every(({ verdict, fix }) => (verdict === 'ok') === (fix === null)));
  const shown = await home.run(['doctor'], { env: { AGENTBOX_SERVER_PORT: '0' } });
  assert.match(shown.stdout, /agentbox can run here\./);
  assert.doesNotMatch(shown.stdout, /\u001B/);
});

verifies(
  'cli.doctor.fails-on-failure',
  async () => {
    await using home = new Home();
    writeFileSync(join(home.path, 'token'), 'x', { mode: 0o644 });
    const loose = await home.run(['doctor'], { env: { AGENTBOX_SERVER_PORT: '0' } });
    assert.equal(loose.code, 1);
    assert.match(loose.stdout, /fail +Home +others may read .*token\n +chmod 600/);
  },
  { cell: 'a token that others may read' },
);

verifies(
  'cli.doctor.fails-on-failure',
  async () => {
    await using home = new Home();
    const blocker = createServer();
    await new Promise<void>((listening) => blocker.listen(0, '127.0.0.1', listening));
    const address = blocker.address();
    assert.ok(address !== null && typeof address === 'object');
    const taken = await home.run(['doctor'], { env: { AGENTBOX_SERVER_PORT: String(address.port) } });
    blocker.close();
    assert.equal(taken.code, 1);
    assert.match(taken.stdout, new RegExp(`fail +Port +${address.port} is taken by process ${process.pid}`));
  },
  { cell: 'a taken port' },
);

verifies(
  'cli.doctor.fails-on-failure',
  async () => {
    await using home = new Home();
    writeFileSync(join(home.path, 'config.toml'), '[server]\nprot = 1');
    const wrong = await home.run(['doctor']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /fail +Configuration .*config\.toml:2: server\.prot is not a setting/);
  },
  { cell: 'a wrong configuration' },
);

verifies('cli.install.unit', async () => {
  await using home = new Home();
  const printed = await home.run(['install', '--print']);
  assert.equal(printed.code, 0);
  assert.match(printed.stdout, /^KillMode=process$/m);
  assert.match(printed.stdout, new RegExp(`^ExecStart="${AGENTBOX}" up --home "${home.path}"$`, 'm'));
  const config = join(home.path, 'xdg');
  const first = await home.run(['install'], { env: { XDG_CONFIG_HOME: config } });
  assert.equal(readFileSync(join(config, 'systemd', 'user', 'agentbox.service'), 'utf8'), printed.stdout);
  assert.match(first.stdout, /^systemctl --user daemon-reload && systemctl --user enable --now agentbox$/m);
  assert.match((await home.run(['install'], { env: { XDG_CONFIG_HOME: config } })).stdout, /already there/);
});

verifies(
  'cli.install.unit',
  async () => {
    await using home = new Home();
    const unit = join(home.path, 'agentbox.service');
    writeFileSync(unit, (await home.run(['install', '--print'])).stdout);
    const judged = await runProgram('systemd-analyze', ['verify', '--user', unit], {
      env: { XDG_RUNTIME_DIR: home.path },
    });
    assert.equal(judged.code, 0, judged.stderr);
    assert.doesNotMatch(judged.stderr, /agentbox\.service/, 'systemd has nothing to say about it');
  },
  { cell: 'systemd reads it', skip: !existsSync('/usr/bin/systemd-analyze') && 'systemd is not installed' },
);

verifies('cli.version.one', () => {
  const rooms = readdirSync(join(ROOT, 'packages')).map((room) => join('packages', room));
  for (const place of ['', ...rooms, 'packages/boxd/client']) {
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync(join(ROOT, place, 'package.json'), 'utf8')));
    assert.equal(version, VERSION, `the version in ${place}/package.json`);
  }
});

verifies('cli.logs.makes-no-home', async () => {
  using scratch = new Scratch();
  const absent = join(scratch.path, 'misspelt');
  for (const args of [['logs'], ['sessions', 'list'], ['status'], ['doctor'], ['down'], ['token', 'rotate']]) {
    await run([...args, '--home', absent]);
    assert.ok(!existsSync(absent), `${args.join(' ')} makes no home`);
  }
  const said = await run(['logs', '--home', absent]);
  assert.equal(said.code, 3);
  assert.match(said.stderr, /^NOT_RUNNING {2}there is no home at .*misspelt/);
});

verifies(
  'cli.expose.checks-first',
  async () => {
    await using home = new Home();
    await home.up();
    using scratch = new Scratch();
    const env = { PATH: `${scratch.path}:/usr/bin:/bin` };
    const missing = await home.run(['expose', 'cloudflare'], { env });
    assert.match(missing.stderr, /^MISSING_FEATURE {2}cloudflared is not installed/);
    scratch.program('cloudflared', `[ "$1" = --version ] || echo "$@" > "${scratch.path}/ran"; exit 7`);
    const shown = await home.run(['expose', 'cloudflare'], { env });
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^cloudflared tunnel --url http:\/\/127\.0\.0\.1:\d+$/m);
    assert.match(shown.stdout, /public_url = "https:\/\/THE-ADDRESS-IT-PRINTS"/);
    assert.ok(!existsSync(join(scratch.path, 'ran')), 'it is shown, not run');
    assert.equal((await home.run(['expose', 'cloudflare', '--run'], { env })).code, 7, 'its exit code is passed on');
    assert.match(readFileSync(join(scratch.path, 'ran'), 'utf8'), /^tunnel --url http:\/\/127\.0\.0\.1:\d+$/m);
  },
  { cell: 'cloudflare' },
);

verifies(
  'cli.expose.checks-first',
  async () => {
    await using home = new Home();
    const off = await home.run(['expose', 'tailscale']);
    assert.equal(off.code, 3);
    assert.match(off.stderr, /^NOT_RUNNING/);
    await home.up();
    using scratch = new Scratch();
    const env = { PATH: `${scratch.path}:/usr/bin:/bin` };
    const missing = await home.run(['expose', 'tailscale'], { env });
    assert.match(missing.stderr, /^MISSING_FEATURE {2}tailscale is not installed/);
    scratch.program('tailscale', `echo '{"BackendState":"NeedsLogin"}'`);
    const loggedOut = await home.run(['expose', 'tailscale'], { env });
    assert.match(loggedOut.stderr, /tailscale is not logged in: run `sudo tailscale up`/);
    scratch.program(
      'tailscale',
      `[ "$1" = funnel ] && touch "${scratch.path}/ran"; echo '{"BackendState":"Running","Self":{"DNSName":"box.tail.ts.net."}}'`,
    );
    const ready = await home.run(['expose', 'tailscale'], { env });
    assert.equal(ready.code, 0, ready.stderr);
    assert.match(ready.stdout, /^tailscale funnel --bg --https=443 --yes 127\.0\.0\.1:\d+$/m);
    assert.match(ready.stdout, /public_url = "https:\/\/box\.tail\.ts\.net"/);
    assert.ok(!existsSync(join(scratch.path, 'ran')), 'it is shown, not run');
    assert.equal((await home.run(['expose', 'tailscale', '--run'], { env })).code, 0);
    assert.ok(existsSync(join(scratch.path, 'ran')));
  },
  { cell: 'tailscale' },
);

verifies('cli.apply-patch.as-codex', async () => {
  using scratch = new Scratch();
  const add = '*** Begin Patch\n*** Add File: a.txt\n+one\n*** End Patch\n';
  const done = await run(['apply-patch'], { cwd: scratch.path, input: add });
  assert.deepEqual(done, { code: 0, stdout: 'Success. Updated the following files:\nA a.txt\n', stderr: '' });
  assert.equal(readFileSync(join(scratch.path, 'a.txt'), 'utf8'), 'one\n');
  const update = '*** Begin Patch\n*** Update File: a.txt\n@@\n-two\n+three\n*** End Patch\n';
  const failed = await run(['apply-patch', '--cwd', scratch.path], { input: update });
  assert.equal(failed.code, 1);
  assert.equal(failed.stdout, '');
  assert.match(failed.stderr, /a\.txt/);
});

verifies('cli.output.closed-pipe', async () => {
  const ran = await runProgram('sh', ['-c', '"$0" --help | true; "$0" doctor --home /nowhere/at/all | true', AGENTBOX]);
  assert.deepEqual(ran, { code: 0, stdout: '', stderr: '' });
});
