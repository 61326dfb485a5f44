/** `approvals watch` on a real terminal and in a pipe. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitOf, plainEnvironment } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { until } from './inbox.ts';
import { asked } from './samples.ts';
import { ApprovalsHome, CLI } from './server.ts';

/** A command whose output is collected; killed at the end of the scope. */
class Watching implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  seen = '';

  constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args, { env: plainEnvironment({ TERM: 'xterm-256color' }) });
    this.child.stdout.on('data', (chunk: Buffer) => void (this.seen += chunk.toString('utf8')));
  }

  /** what was printed since the last look, until it holds `text` */
  async shows(text: string): Promise<void> {
    await until(`it shows ${text}`, () => this.seen.includes(text));
    this.seen = '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await exitOf(this.child);
  }
}

const decisions = (home: ApprovalsHome): readonly unknown[] =>
  home.heard().map((answer) => [Reflect.get(Object(answer), 'question'), Reflect.get(Object(answer), 'decision')]);

/** longer than a key that follows a change of the selection is taken for a slip */
const SETTLED_MS = 900;

for (const [cell, columns, rows] of [
  ['a usual terminal', 100, 30],
  ['a narrow one', 36, 60],
] as const) {
  verifies(
    'approvals.cli.watch',
    async () => {
      using home = new ApprovalsHome();
      await using server = await home.serve('there');
      const [first, second, third] = [asked({ askedAt: 1 }), asked({ askedAt: 2 }), asked({ askedAt: 3 })];
      await server.ask(first);
      const command = `stty cols ${columns} rows ${rows}; exec ${process.execPath} ${CLI} approvals watch --home ${home.path}`;
      await using terminal = new Watching('script', ['-qfec', command, '/dev/null']);
      const { stdin } = terminal.child;
      await terminal.shows('1 waits');
      await server.ask(second);
      await server.ask(third);
      await terminal.shows('3 wait');
      await sleep(SETTLED_MS);
      stdin.write('j');
      stdin.write('s');
      await until('the box heard it', () => decisions(home).length === 1);
      await terminal.shows('2 wait');
      // The one that moved up is not answered by a key that comes at once.
      stdin.write('a');
      await terminal.shows('moved up');
      await sleep(SETTLED_MS);
      stdin.write('k');
      await sleep(100);
      stdin.write('d');
      await until('the box heard it', () => decisions(home).length === 2);
      stdin.write('q');
      assert.equal(await exitOf(terminal.child), 0);
      assert.ok(terminal.seen.includes('\u001B[?1049l'));
      assert.deepEqual(decisions(home), [
        [second.id, 'session'],
        [first.id, 'deny'],
      ]);
    },
    { cell },
  );
}

verifies(
  'approvals.cli.watch',
  async () => {
    using home = new ApprovalsHome();
    await using server = await home.serve('there');
    const question = asked({}, { argv: ['git', 'x'.repeat(10_000)] });
    await server.ask(question);
    const command = `stty cols 80 rows 20; exec ${process.execPath} ${CLI} approvals watch --home ${home.path}`;
    await using terminal = new Watching('script', ['-qfec', command, '/dev/null']);
    const { stdin } = terminal.child;
    await terminal.shows('1 waits');
    await sleep(SETTLED_MS);
    stdin.write('a');
    await terminal.shows('There is more to read');
    assert.deepEqual(decisions(home), []);
    for (let page = 0; page < 30; page += 1) {
      stdin.write(' ');
      await sleep(20);
    }
    await terminal.shows('Time left');
    stdin.write('a');
    await until('the box heard it', () => decisions(home).length === 1);
    stdin.write('\u0003');
    assert.equal(await exitOf(terminal.child), 0);
  },
  { cell: 'a yes needs the end of the facts' },
);

verifies(
  'approvals.cli.watch',
  async () => {
    using home = new ApprovalsHome();
    const before = asked();
    await using pipe = new Watching(process.execPath, [CLI, 'approvals', 'watch', '--home', home.path]);
    assert.equal(await exitOf(pipe.child), 3);
    {
      await using server = await home.serve('there');
      await server.ask(before);
      await using lines = new Watching(process.execPath, [CLI, 'approvals', 'watch', '--home', home.path]);
      await lines.shows(`open       ${before.id}`);
      await home.cli('deny', before.id);
      await lines.shows(`deny       ${before.id}`);
      await server.kill();
      await using again = await home.serve('there');
      const after = asked({ expiresAt: Date.now() + 12_000 });
      await again.ask(after);
      await lines.shows(`open       ${after.id}`);
      await lines.shows(`expired    ${after.id}`);
      assert.doesNotMatch(lines.seen, /\u001B/);
    }
  },
  { cell: 'a pipe gets a line for each change, also across a restart of the server' },
);
