/**
 * `npm test`: everything that must hold. Check, build, the suites as the present user and (for root) again as an
 * ordinary one, fuzzing, conformance. `npm test -- box patch` runs the suites of those folders only.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runProgram } from '../process.ts';
import { bringPackages, FOR_TESTS, hereAndNow } from '../system-packages.ts';
import { ordinaryUserArgv } from '../test/ordinary-user.ts';

/** Suites whose behaviour depends on who runs them. */
const USER_SUITES = 'box machine patch storage cli e2e sandbox guard egress attack shell questions policy'.split(' ');
const FUZZ_SECONDS = process.env['CI'] === undefined ? 5 : 60;

interface Phase {
  readonly name: string;
  readonly argv: readonly string[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'list-phases': { type: 'boolean', default: false } },
});

function allPhases(): readonly Phase[] {
  const node = process.execPath;
  const suites = [node, 'scripts/test/suites.ts'];
  const asRoot = process.getuid?.() === 0;
  return [
    { name: 'check', argv: [node, 'scripts/tasks/check.ts'] },
    { name: 'build', argv: [node, 'scripts/tasks/build.ts'] },
    { name: 'suites', argv: suites },
    ...(asRoot ? [{ name: 'suites as an ordinary user', argv: ordinaryUserArgv([...suites, ...USER_SUITES]) }] : []),
    { name: 'fuzz', argv: [node, 'test/fuzz/run.ts', '--seconds', String(FUZZ_SECONDS)] },
    { name: 'conformance', argv: [node, 'test/conformance/run.ts', '--suite', 'all'] },
  ];
}

async function main(): Promise<void> {
  const phases: readonly Phase[] =
    positionals.length === 0
      ? allPhases()
      : [{ name: 'suites', argv: [process.execPath, 'scripts/test/suites.ts', ...positionals] }];
  if (values['list-phases']) {
    for (const phase of phases) console.log(`${phase.name}: ${phase.argv.join(' ')}`);
    return;
  }
  if (!existsSync('node_modules')) throw new TypeError('node_modules is missing: run `npm test`, which installs it');
  await bringPackages(FOR_TESTS, hereAndNow(process.cwd()));
  const failed: string[] = [];
  for (const phase of phases) {
    console.log(`\nagentbox test: ${phase.name}`);
    const startedAt = performance.now();
    const { code } = await runProgram(phase.argv, { inherit: true });
    console.log(`agentbox test: ${phase.name} ${code === 0 ? 'ok' : 'FAILED'} in ${seconds(startedAt)} s`);
    if (code !== 0) failed.push(phase.name);
  }
  console.log(`\nphases: ${phases.length - failed.length} passed, ${failed.length} failed`);
  if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(0);
}

await main();
