/** Both ends of the line between daemon and warden, each against one that misbehaves. And sandboxes that fail. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { attachGuard, type GuardHooks, wardenArgv } from '@agentbox/exec-guard';
import { runProgram } from '../../scripts/process.ts';
import { verifies } from '../requirements/verifies.ts';
import { launch, noNamespaces, planFor, processesWith, runGuarded, WARDEN } from './launch.ts';

const skip = noNamespaces;

/** A daemon that says what it is told to, at the first question. */
async function withDaemon(
  bytes: string | Buffer,
  script: string,
): Promise<{ code: number | null; output: string; heard: string }> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'guard-')));
  const words = wardenArgv(WARDEN, planFor(folder, {}), { path: '/bin/sh', argv: ['sh', '-c', script], cwd: folder });
  const stdio: readonly 'pipe'[] = ['pipe', 'pipe', 'pipe', 'pipe'];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: [...stdio], cwd: folder, detached: true });
  let output = '';
  let heard = '';
  child.stdout?.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const link = child.stdio[3];
  assert.ok(link instanceof Socket);
  link.on('error', () => undefined);
  link.on('data', (chunk: Buffer) => {
    const first = !heard.includes('"exec"');
    heard += chunk.toString();
    if (first && heard.includes('"exec"')) link.write(bytes);
  });
  const code = await new Promise<number | null>((resolve) => void child.once('close', resolve));
  rmSync(folder, { recursive: true });
  return { code, output, heard };
}

for (const [cell, bytes] of [
  ['no protocol', 'HELLO\n'],
  ['no end of a line', 'x'.repeat(200)],
  ['an unknown verb', 'forgive 1 0\n'],
  ['a negative length', 'run 1 -1\n'],
  ['a huge length', 'deny 1 99999999999999999999\n'],
  ['a length over the bound', `deny 1 ${8 * 1024 * 1024}\n`],
  ['an answer with a body that has none', 'run 1 3\nabc'],
  ['no number', 'run one 0\n'],
  ['a NUL among the heads', 'heads 0 3\na\0b'],
  ['zeros', Buffer.alloc(100)],
] as const) {
  verifies(
    'guard.link.abuse',
    async () => {
      const { code, output } = await withDaemon(bytes, 'echo ran; sleep 7654321');
      assert.equal(code, 137);
      assert.equal(output, '');
      assert.deepEqual(processesWith('7654321'), []);
    },
    { cell, skip },
  );
}

verifies(
  'guard.link.abuse',
  async () => {
    // Answers to nobody, twice, and in pieces are no harm.
    const { code, output } = await withDaemon('run 99 0\ndeny 77 2\nnorun 1 0\nrun 1 0\n', 'echo ran');
    assert.deepEqual([code, output], [0, 'ran\n']);
  },
  { cell: 'answers to nobody', skip },
);

verifies(
  'guard.link.abuse',
  async () => {
    await using run = launch('for i in $(seq 3000); do /bin/true; done; echo end', { heads: ['nothing'] });
    await run.until(() => run.said.ran.length > 0, 'it reports');
    run.guard.close();
    assert.equal(await run.closed, 137);
  },
  { cell: 'it goes away', skip },
);

verifies(
  'guard.link.abuse',
  async () => {
    // A daemon that does not read holds the programs back, and loses nothing.
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'guard-')));
    const words = wardenArgv(WARDEN, planFor(folder, {}), {
      path: '/bin/bash',
      argv: ['bash', '-c', 'x=$(printf %04000d 0); for i in $(seq 3000); do /bin/true $x; done; echo end'],
      cwd: folder,
    });
    const child = spawn(words[0] ?? '', words.slice(1), {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
      detached: true,
      cwd: folder,
    });
    const link = child.stdio[3];
    assert.ok(link instanceof Socket);
    link.pause();
    link.write('heads 0 1\nx');
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => void (output += chunk.toString()));
    await sleep(2500);
    assert.equal(output, '', 'it goes on although nobody reads');
    let lines = 0;
    link.on('data', (chunk: Buffer) => void (lines += chunk.filter((byte) => byte === 10).length));
    link.resume();
    const code = await new Promise<number | null>((resolve) => void child.once('close', resolve));
    rmSync(folder, { recursive: true });
    assert.deepEqual([code, output], [0, 'end\n']);
    assert.ok(lines >= 3003, String(lines));
  },
  { cell: 'it does not read', skip },
);

const FACTS =
  '"pid":5,"file":"/f","names":[{"path":"/f","writable":false}],"interpreters":[],"cwd":"/","image":{"kind":"file","device":1,"inode":2,"size":3},"argv":["f"],"truncated":false';

/** A line of which the test is the other end. */
function fakeLink(): {
  readonly link: Duplex;
  readonly written: string[];
  readonly say: (bytes: string | Buffer) => void;
} {
  const written: string[] = [];
  const link = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => (written.push(chunk.toString()), done()),
  });
  return { link, written, say: (bytes) => void link.push(bytes) };
}

function hooksInto(log: string[], decide: GuardHooks['decide']): GuardHooks {
  return {
    decide,
    ran: ({ file }) => void log.push(`ran ${file}`),
    refused: (_, reason) => void log.push(`refused ${reason}`),
    killed: (_, reason) => void log.push(`killed ${reason}`),
    started: ({ pid }) => void log.push(`started ${pid}`),
    listener: (fd) => void log.push(`listener ${fd}`),
    escalated: (_, pid) => void log.push(`escalated ${pid}`),
    escalatedEnded: ({ code }) => void log.push(`ended ${code}`),
    exited: ({ code }) => void log.push(`exited ${code}`),
    failed: (reason) => void log.push(`failed ${reason}`),
    broken: (reason) => void log.push(`broken ${reason}`),
  };
}

verifies(
  'guard.link.client',
  async () => {
    const log: string[] = [];
    const { link, written, say } = fakeLink();
    const guard = attachGuard(
      link,
      hooksInto(log, ({ file }) => (file === '/f' ? { kind: 'run' } : { kind: 'deny', text: '' })),
    );
    guard.setHeads(['a', 'b/c', '', 'd\ne', 'f']);
    const text = `{"started":{"pid":3,"landlock":7,"infrastructure":[1,2]}}\n{"ran":{${FACTS}}}\n{"exec":{"id":1,${FACTS}}}\n{"exit":{"code":3,"signal":null}}\n`;
    for (const byte of Buffer.from(text)) {
      say(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    assert.deepEqual(log, ['started 3', 'ran /f', 'exited 3']);
    assert.deepEqual(written, ['heads 0 3\na\nf', 'run 1 0\n']);
    link.destroy();
    await sleep(5);
    assert.deepEqual(log.length, 3, 'an end after the exit is no fault');
  },
  { cell: 'in pieces' },
);

for (const [cell, line] of [
  ['no JSON', 'ran\n'],
  ['an unknown message', '{"become":"root"}\n'],
  ['no message', '[]\n'],
  ['facts that lack something', '{"ran":{"pid":1}}\n'],
  [
    'too many names',
    `{"exec":{"id":1,${FACTS.replace('"names":[', `"names":[${'{"path":"/","writable":false},'.repeat(100)}`)}}}\n`,
  ],
  ['an escalation that nobody granted', '{"escalated":{"id":4,"pid":4}}\n'],
  ['a deep nesting', `${'['.repeat(200_000)}\n`],
  ['a signal that is none', '{"exit":{"code":1,"signal":99}}\n'],
] as const) {
  verifies(
    'guard.link.client',
    async () => {
      const log: string[] = [];
      const { link, say } = fakeLink();
      attachGuard(
        link,
        hooksInto(log, () => ({ kind: 'run' })),
      );
      say(line);
      await sleep(5);
      assert.equal(log.length, 1, log.join());
      assert.match(log[0] ?? '', /^broken /);
      assert.ok(link.destroyed);
    },
    { cell },
  );
}

verifies(
  'guard.link.client',
  async () => {
    const log: string[] = [];
    const { link, say } = fakeLink();
    const gone: boolean[] = [];
    attachGuard(
      link,
      hooksInto(log, (_, signal) => new Promise(() => signal.addEventListener('abort', () => gone.push(true)))),
    );
    say(`{"exec":{"id":1,${FACTS}}}\n{"exec":{"id":2,${FACTS}}}\n{"gone":1}\n`);
    await sleep(5);
    assert.equal(gone.length, 1);
    for (let sent = 0; sent <= 33; sent++) say('x'.repeat(1024 * 1024));
    await sleep(50);
    assert.deepEqual(log, ['broken a message of the warden is too long']);
    assert.equal(gone.length, 2);
  },
  { cell: 'a line without end' },
);

for (const [cell, options, reason] of [
  ['a source that is missing', { binds: ['--ro-bind', '/no/such/source', '/x'] }, /bwrap: Can't find source path/],
  ['bubblewrap is missing', { plan: { bubblewrap: { program: '/no/bwrap', args: [] } } }, /cannot run \/no\/bwrap/],
  ['nothing would hold', { plan: { bubblewrap: null, landlock: { read: [], write: [] } } }, /nothing would hold/],
  [
    'a directory that is not inside',
    { cwd: '/srv', binds: ['--tmpfs', '/srv', '--dir', '/srv', '--chmod', '0000', '/srv'] },
    /not inside the sandbox|./,
  ],
] as const) {
  verifies(
    'guard.start.failed',
    async () => {
      const run = await runGuarded('echo ran', options);
      if (cell === 'a directory that is not inside' && run.code === 0) return;
      assert.equal(await run.closed, 125);
      assert.equal(run.stdout, '');
      assert.match(run.stderr, reason);
      assert.match(run.said.failed.join(), reason);
      assert.deepEqual(run.said.broken, []);
    },
    { cell, skip },
  );
}

verifies(
  'guard.start.failed',
  async () => {
    for (const [words, reason] of [
      [[], /-- PATH ARGV0/],
      [['--link', 'x', '--', 'a', 'b'], /not a number/],
      [['--link', '3', '--color', 'x', '--', 'a', 'b'], /unknown option: --color/],
      [['--link', '3', '--rlimit', 'x=1', '--', 'a', 'b'], /unknown limit/],
      [['--link', '3', '--read', 'relative', '--', 'a', 'b'], /not absolute/],
      [['--link', '3', '--bwrap', '9', 'x', '--', 'a', 'b'], /9 words are not there/],
      [['--link', '3', '--', 'a'], /-- PATH ARGV0/],
      [['--', 'a', 'a'], /--link FD/],
    ] as const) {
      const { code, output } = await runProgram([WARDEN, ...words]);
      assert.equal(code, 125);
      assert.match(output, reason);
    }
  },
  { cell: 'a command line that is wrong' },
);

verifies(
  'guard.start.failed',
  async () => {
    const run = await runGuarded('', { argv: ['/no/such/shell', '-c', 'x'] });
    assert.equal(run.code, 127);
    assert.match(run.stderr, /cannot run \/no\/such\/shell: No such file/);
  },
  { cell: 'no such command', skip },
);

verifies(
  'guard.binary.pinned',
  async () => {
    const { code, output } = await runProgram([process.execPath, 'scripts/build/warden.ts', '--check']);
    assert.equal(code, 0, output);
    assert.match(output, /linux-x64: the same bytes/);
  },
  {
    cell: 'rebuilt',
    skip: existsSync('/usr/bin/musl-gcc') && process.arch === 'x64' ? false : 'musl-gcc for x64 is not installed here',
  },
);

verifies(
  'guard.binary.pinned',
  async () => {
    // A copy of the room whose binary has one bit more.
    const room = mkdtempSync(join(tmpdir(), 'guard-room-'));
    try {
      const source = join(import.meta.dirname, '../../packages/exec-guard');
      const target = `${process.platform}-${process.arch}`;
      mkdirSync(join(room, 'src'));
      mkdirSync(join(room, 'vendor', target), { recursive: true });
      const { output: copied, code } = await runProgram([
        'cp',
        join(source, 'src/locate.ts'),
        join(source, 'src/pins.ts'),
        join(room, 'src'),
      ]);
      assert.equal(code, 0, copied);
      const script = `import { locateWarden } from '${room}/src/locate.ts'; console.log(JSON.stringify(locateWarden()));`;
      const locate = async (): Promise<string> =>
        (await runProgram([process.execPath, '--input-type=module', '-e', script])).output;
      assert.match(await locate(), /"missing":"no file vendor/);
      const path = join(room, 'vendor', target, 'warden');
      assert.equal((await runProgram(['cp', join(source, 'vendor', target, 'warden'), path])).code, 0);
      assert.match(await locate(), /"path":/);
      writeFileSync(path, 'x', { flag: 'a' });
      assert.match(await locate(), /is not the warden of this version/);
    } finally {
      rmSync(room, { recursive: true });
    }
  },
  { cell: 'another binary' },
);

verifies(
  'guard.binary.pinned',
  async () => {
    const { code, output } = await runProgram([WARDEN, '--self-test']);
    assert.equal(code, 0, output);
    const facts: unknown = JSON.parse(output);
    assert.ok(typeof facts === 'object' && facts !== null && 'waitKillable' in facts && facts.waitKillable === true);
  },
  { cell: 'its self-test' },
);
