/**
 * Runs the pinned conformance suite by hand and prints what it found. Any failure or warning ends with code 1.
 *
 *   node test/conformance/run.ts                 each revision's requirements, then the whole suite
 *   node test/conformance/run.ts --suite all     one leg: `all`, `2025-11-25` or `2026-07-28`
 *   node test/conformance/run.ts --scenario x    one scenario of the newest revision
 *   node test/conformance/run.ts --serve         only the server, until it is interrupted
 */
import { parseArgs } from 'node:util';
import { runConformance, servePack } from './suite.ts';

const LEGS: Readonly<Record<string, readonly string[]>> = {
  '2025-11-25': ['--requirements', '2025-11-25'],
  '2026-07-28': ['--requirements', '2026-07-28'],
  all: ['--suite', 'all'],
};

const { values } = parseArgs({
  options: { suite: { type: 'string' }, scenario: { type: 'string' }, serve: { type: 'boolean', default: false } },
});

async function serve(): Promise<void> {
  await using served = await servePack();
  const { server, proxy } = served;
  console.log(JSON.stringify({ url: server.url, token: server.token, without_token: proxy.url }));
  await new Promise((resolve) => process.once('SIGINT', resolve));
}

async function run(name: string, options: readonly string[]): Promise<boolean> {
  const { scenarios, passed, bad, skipped, faults } = await runConformance([options]);
  const counts = [`${String(passed)} passed`, `${String(bad.length)} failed`, `${String(skipped.length)} skipped`];
  console.log(`${name}: ${String(scenarios)} scenarios, ${counts.join(', ')}`);
  for (const line of [...bad, ...skipped]) console.log(`  ${line}`);
  for (const fault of faults) console.log('  fault of the server:', fault);
  return bad.length === 0 && faults.length === 0;
}

function chosenLegs(): readonly (readonly [string, readonly string[]])[] {
  if (values.scenario !== undefined) return [[values.scenario, ['--scenario', values.scenario]]];
  return Object.entries(LEGS).filter(([name]) => values.suite === undefined || name === values.suite);
}

if (values.serve) {
  await serve();
} else {
  const legs = chosenLegs();
  if (legs.length === 0) console.error(`--suite is one of: ${Object.keys(LEGS).join(', ')}`);
  const outcomes: boolean[] = [];
  for (const [name, options] of legs) outcomes.push(await run(name, options));
  process.exitCode = outcomes.length > 0 && outcomes.every(Boolean) ? 0 : 1;
}
