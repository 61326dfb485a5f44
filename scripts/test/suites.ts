/** Runs the test files of the named folders of test/ (all when none is named), and judges the skips. */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { z } from 'zod';
import { listFiles } from '../check/files.ts';

/** A test file that hangs is ended after this long. */
const FILE_TIMEOUT_MS = 600_000;
/** Suites drive real processes: two at once is what two cores bear without starving a deadline. */
const CONCURRENCY = 2;

const Skips = z.record(z.string(), z.string());

async function main(folders: readonly string[]): Promise<void> {
  const tracked = (await listFiles('.')).filter((path) => /^test\/.*\.test\.ts$/.test(path));
  const files = tracked.filter(
    (path) => folders.length === 0 || folders.some((name) => path.startsWith(`test/${name}/`)),
  );
  if (files.length === 0) {
    console.error(`no test files in: ${folders.join(', ') || 'test'}`);
    process.exitCode = 1;
    return;
  }
  const allowed = Skips.parse(JSON.parse(await readFile('test/skips.json', 'utf8')));
  const unlisted: string[] = [];
  // Login shells are part of what is tested; the profile of whoever runs the tests is not.
  const home = await mkdtemp(join(tmpdir(), 'agentbox-home-'));
  process.env['HOME'] = home;
  const stream = run({
    files: files.map((path) => join(process.cwd(), path)),
    concurrency: CONCURRENCY,
    timeout: FILE_TIMEOUT_MS,
  });
  stream.on('test:fail', () => {
    process.exitCode = 1;
  });
  stream.on('test:pass', ({ name, skip }) => {
    if (skip === undefined) return;
    const listed = Object.keys(allowed).some((part) => name.includes(part));
    if (!listed || skip === true) unlisted.push(`${name} (${String(skip)})`);
  });
  stream.on('end', () => {
    rmSync(home, { recursive: true, force: true });
    if (unlisted.length === 0) return;
    console.error(`skips that test/skips.json does not list:\n  ${unlisted.join('\n  ')}`);
    process.exitCode = 1;
  });
  stream.compose(spec).pipe(process.stdout);
}

await main(process.argv.slice(2));
