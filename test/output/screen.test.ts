/** Screens of real programs, and the line folding judged by a terminal emulator. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanOutput, MAX_SCREEN_BYTES, renderScreen } from '../../packages/providers/src/machine/output/index.ts';
import { verifies } from '../requirements/verifies.ts';
import { pick, seeded } from './random.ts';

const SIZE = { columns: 80, rows: 24 };
const has = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
const without = (...programs: readonly string[]): string | false => {
  const missing = programs.filter((program) => !has(program));
  return missing.length > 0 && `needs ${missing.join(', ')}`;
};

/** What a program sends to a terminal of 80 x 24 until `seen` stands in it and it is quiet; it is ended then. */
async function recorded(command: string, seen: string): Promise<Buffer> {
  const child = spawn('script', ['-q', '-e', '-c', `stty cols 80 rows 24; exec ${command}`, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', LC_ALL: 'C.UTF-8', HOME: tmpdir() },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const chunks: Buffer[] = [];
  const end = (): void => void child.kill('SIGTERM');
  let timer = setTimeout(end, 20_000);
  for await (const chunk of child.stdout) {
    if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    if (!Buffer.concat(chunks).includes(seen)) continue;
    clearTimeout(timer);
    timer = setTimeout(end, 300);
  }
  clearTimeout(timer);
  child.stdin.destroy();
  await exited;
  return Buffer.concat(chunks);
}

async function withFile(lines: number, use: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'agentbox-screen-'));
  try {
    const path = join(folder, 'numbers.txt');
    await writeFile(path, Array.from({ length: lines }, (_, index) => `line ${index + 1}\n`).join(''));
    await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

verifies(
  'output.screen.grid',
  () =>
    withFile(100, async (path) => {
      const bytes = await recorded(`less ${path}`, 'numbers.txt');
      assert.equal(cleanOutput(bytes.toString()).screen, 'alternate');
      const screen = await renderScreen(bytes, SIZE);
      assert.equal(screen.altScreen, true);
      assert.deepEqual(
        screen.lines.slice(0, 23),
        Array.from({ length: 23 }, (_, index) => `line ${index + 1}`),
      );
      assert.match(screen.lines[23] ?? '', /numbers\.txt/);
    }),
  { cell: 'less', skip: without('script', 'less') },
);

verifies(
  'output.screen.grid',
  () =>
    withFile(3, async (path) => {
      const bytes = await recorded(`vim -u NONE -c 'set noswapfile laststatus=2' ${path}`, 'line 3');
      const screen = await renderScreen(bytes, SIZE);
      assert.equal(screen.altScreen, true);
      assert.deepEqual(screen.lines.slice(0, 4), ['line 1', 'line 2', 'line 3', '~']);
      assert.ok(screen.lines.every((line) => line === line.trimEnd()));
    }),
  { cell: 'vim', skip: without('script', 'vim') },
);

verifies(
  'output.screen.grid',
  async () => {
    const bytes = await recorded('top', 'PID');
    assert.notEqual(cleanOutput(bytes.toString()).screen, 'none');
    const screen = await renderScreen(bytes, SIZE);
    assert.ok(screen.lines.length <= 24);
    assert.ok(
      screen.lines.some((line) => line.startsWith('top - ')),
      screen.lines.join('\n'),
    );
  },
  { cell: 'top', skip: without('script') || (spawnSync('top', ['-v']).status !== 0 && 'needs top') },
);

verifies(
  'output.screen.grid',
  async () => {
    const bytes = Buffer.from('\x1b]0;my \u202etitle\x07one\r\n\x1b[3;5Htwo  \x1b[?25l进');
    const screen = await renderScreen(bytes, SIZE);
    assert.deepEqual(screen, {
      lines: ['one', '', '    two  进'],
      cursor: { row: 2, column: 11, visible: false },
      altScreen: false,
      title: 'my <U+202E>title',
      clipped: false,
    });
    assert.deepEqual((await renderScreen(Buffer.alloc(0), SIZE)).lines, []);
  },
  { cell: 'cursor, title and blanks' },
);

verifies('output.screen.bounded', async () => {
  const random = seeded(5);
  const draw = Array.from({ length: 90_000 }, () => `\x1b[${random(24) + 1};${random(80) + 1}Hx\x1b[3${random(8)}m`);
  const bytes = Buffer.from(draw.join(''));
  assert.ok(bytes.length > MAX_SCREEN_BYTES);
  const started = performance.now();
  const screen = await renderScreen(Buffer.concat([bytes, Buffer.from('\x1b[1;1Hlast')]), SIZE);
  assert.ok(performance.now() - started < 10_000, 'one MiB takes seconds');
  assert.equal(screen.clipped, true);
  assert.match(screen.lines[0] ?? '', /^last/);
  const huge = await renderScreen(Buffer.from('a'), { columns: 1e9, rows: -5 });
  assert.deepEqual(huge.lines, ['a']);
});

verifies(
  'output.screen.bounded',
  async () => {
    await renderScreen(Buffer.from('warm'), SIZE);
    const before = process.getActiveResourcesInfo().length;
    for (let round = 0; round < 20; round += 1) await renderScreen(Buffer.from(`\x1b[?1049h${round}`), SIZE);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(process.getActiveResourcesInfo().length <= before);
  },
  { cell: 'no timers are left' },
);

/** Moves that mean the same in a log and on a screen, as long as it neither wraps nor scrolls. */
function randomEdits(seed: number): string {
  const random = seeded(seed);
  const edits = [
    () => pick(random, ['word', 'x', 'two words', '进度', 'é']),
    () => '\r',
    () => '\r\n',
    () => '\b',
    () => `\x1b[${random(4)}${pick(random, ['A', 'C', 'D', 'P', '@', 'X', 'G'])}`,
    () => `\x1b[${random(3)}K`,
    () => '\x1b[J',
    () => '\x1b[32m',
  ] as const;
  return Array.from({ length: 12 }, () => pick(random, edits)()).join('');
}

verifies('output.clean.matches-terminal', async () => {
  for (let seed = 1; seed <= 1000; seed += 1) {
    const text = randomEdits(seed);
    const shown = (await renderScreen(Buffer.from(text), SIZE)).lines.join('\n');
    const lines = cleanOutput(text)
      .text.split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
    assert.equal(lines, shown, `seed ${seed}: ${JSON.stringify(text)}`);
  }
});
