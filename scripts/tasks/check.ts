/**
 * `npm run check`: format, lint, types per room, dependency law, requirements, documents, style, dead code.
 * `--only NAME` runs one step, `--write` renews the generated documents.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { checkDocuments } from '../check/documents.ts';
import { checkRequirements } from '../check/requirements.ts';
import { checkScripts, checkVersions } from '../check/scripts.ts';
import { checkStyle } from '../check/style.ts';
import { type Finished, runProgram } from '../process.ts';

interface Step {
  readonly name: string;
  readonly run: (root: string) => Promise<Finished>;
}

const tool = (name: string): string => `node_modules/.bin/${name}`;
const tsc = (...args: string[]): string[] => ['node', 'node_modules/typescript-native/bin/tsc', ...args];
const program =
  (...argv: string[]) =>
  (cwd: string): Promise<Finished> =>
    runProgram(argv, { cwd });

const findings =
  (check: (root: string) => Promise<readonly string[]>) =>
  async (root: string): Promise<Finished> => {
    const found = await check(root);
    return { code: found.length === 0 ? 0 : 1, output: found.join('\n') };
  };

const { values } = parseArgs({
  options: { only: { type: 'string' }, write: { type: 'boolean', default: false } },
});

const STEPS: readonly Step[] = [
  { name: 'format', run: program(tool('biome'), 'ci', '--colors=off', '.') },
  { name: 'lint', run: program(tool('oxlint'), '--type-aware', '--deny-warnings') },
  { name: 'types', run: program(...tsc('-p', '.')) },
  { name: 'types:apply-patch', run: program(...tsc('-p', 'packages/apply-patch')) },
  { name: 'types:execpolicy', run: program(...tsc('-p', 'packages/execpolicy')) },
  { name: 'law', run: program(tool('depcruise'), '--config', '.dependency-cruiser.cjs', 'packages') },
  { name: 'requirements', run: findings(checkRequirements) },
  { name: 'documents', run: findings((root) => checkDocuments(root, values.write)) },
  { name: 'install-scripts', run: findings(checkScripts) },
  { name: 'versions', run: findings(checkVersions) },
  { name: 'style', run: findings(checkStyle) },
  { name: 'dead-code', run: program(tool('knip'), '--no-progress') },
];

async function report(step: Step, root: string): Promise<boolean> {
  const startedAt = performance.now();
  const { code, output } = await step.run(root);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'}  ${step.name.padEnd(20)} ${seconds} s`);
  if (code !== 0) console.log(output.trimEnd());
  return code === 0;
}

async function main(): Promise<void> {
  const chosen = STEPS.filter((step) => values.only === undefined || step.name === values.only);
  if (chosen.length === 0) {
    console.error(`no step "${values.only}"; there are: ${STEPS.map((step) => step.name).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const waiting = [...chosen];
  const results: boolean[] = [];
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      results.push(await report(step, process.cwd()));
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker));
  process.exitCode = results.every(Boolean) ? 0 : 1;
}

await main();
