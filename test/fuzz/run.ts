/** `node test/fuzz/run.ts [target] [--seconds N] [--seed S] [--repro FILE]`: fuzzes each target, or runs one input again. */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type FuzzReport, fuzz, type Target } from './harness.ts';
import { loadTargets } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: process.env['AGENTBOX_FUZZ_SECONDS'] ?? '5' },
    seed: { type: 'string' },
    repro: { type: 'string' },
  },
});

const ARTIFACTS = join(import.meta.dirname, '../.artifacts');

function print(report: FuzzReport): void {
  const { target, seed, runs, finding } = report;
  if (finding === null) {
    console.log(`${target}: ${runs} inputs, seed ${seed}, no finding`);
    return;
  }
  console.error(`${target}: FOUND after ${runs} inputs, seed ${seed}`);
  console.error(finding.fault);
  console.error(`run it again: node test/fuzz/run.ts ${target} --repro ${finding.artifact}`);
}

/** An artifact's name begins with the target's, so the target may be left out. */
async function reproduce(targets: readonly Target[], file: string): Promise<void> {
  const bytes = await readFile(file);
  const named = targets.filter((target) => basename(file).startsWith(`fuzz-${target.name}-`));
  for (const target of named.length > 0 ? named : targets) {
    await target.run(bytes);
    console.log(`${target.name}: ${file} breaks nothing`);
  }
}

async function main(): Promise<void> {
  const all = await loadTargets();
  const [only] = positionals;
  const targets = only === undefined ? all : all.filter((target) => target.name === only);
  if (targets.length === 0) {
    console.error(`no such target; there are: ${all.map((target) => target.name).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  if (values.repro !== undefined) return reproduce(targets, values.repro);
  const durationMs = Number(values.seconds) * 1000;
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  for (const target of targets) {
    const report = await fuzz(target, { seed, durationMs, artifacts: ARTIFACTS });
    print(report);
    if (report.finding !== null) process.exitCode = 1;
  }
}

await main();
