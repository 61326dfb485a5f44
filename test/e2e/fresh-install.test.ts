/** A clone, the locked packages without install scripts, and the product works: what a newcomer has. */
import assert from 'node:assert/strict';
import { cp, lstat, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { benchClient } from '../../bench/mcp-client.ts';
import { startStage } from '../../bench/stage.ts';
import { listFiles } from '../../scripts/check/files.ts';
import { runProgram } from '../../scripts/process.ts';
import { verifies } from '../requirements/verifies.ts';

verifies('house.fresh-install', async () => {
  const clone = await mkdtemp(join(tmpdir(), 'agentbox-clone-'));
  try {
    for (const path of await listFiles('.')) {
      if ((await lstat(path).catch(() => null)) === null) continue;
      await mkdir(dirname(join(clone, path)), { recursive: true });
      await cp(path, join(clone, path), { verbatimSymlinks: true });
    }
    const installed = await runProgram(['npm', 'ci', '--ignore-scripts', '--no-audit'], { cwd: clone });
    assert.equal(installed.code, 0, installed.output);
    const version = await runProgram([join(clone, 'node_modules/.bin/agentbox'), '--version'], { cwd: tmpdir() });
    assert.match(version.output, /^agentbox \d+\.\d+\.\d+|^\d+\.\d+\.\d+/);
    await using stage = await startStage(clone);
    using client = benchClient(stage.url, stage.token);
    const { output, exit_code: exitCode } = await client.call('agentbox_exec_command', {
      cmd: 'echo installed',
      tty: true,
    });
    assert.equal(exitCode, 0);
    assert.match(String(output), /installed/);
  } finally {
    await rm(clone, { recursive: true, force: true });
  }
});
