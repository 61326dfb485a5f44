/**
 * `npm run bench [-- scenario ...]`: measures, prints medians with their raw rounds, and writes them to bench/results
 * and the tables of bench/README.md. `npm run bench -- --compare REF scenario` sets this checkout against a git ref,
 * with the order reversed each round.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withGenerated } from '../scripts/check/generated.ts';
import { runProgram } from '../scripts/process.ts';
import { FIGURE_HEAD, type Figure, figureRow, median, verdict } from './figures.ts';
import { headlineTable } from './headline.ts';
import type { Scenario } from './scenario.ts';
import { door } from './scenarios/door.ts';
import { execTrue } from './scenarios/exec-true.ts';
import { guard } from './scenarios/guard.ts';
import { keystroke } from './scenarios/keystroke.ts';
import { patch } from './scenarios/patch.ts';
import { peers } from './scenarios/peers.ts';
import { record } from './scenarios/record.ts';
import { flood, idle, streams } from './scenarios/sessions.ts';
import { startUp } from './scenarios/start-up.ts';
import { startStage } from './stage.ts';

const SCENARIOS: readonly Scenario[] = [
  startUp,
  execTrue,
  guard,
  door,
  record,
  keystroke,
  patch,
  streams,
  flood,
  idle,
  peers,
];
const COMPARE_ROUNDS = 4;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { compare: { type: 'string' } } });
const root = process.cwd();

function runIn(checkout: string, scenario: Scenario): Promise<readonly Figure[]> {
  return scenario.run({ root: checkout, stage: (options) => startStage(checkout, options) });
}

async function measureAll(chosen: readonly Scenario[]): Promise<void> {
  await mkdir('bench/results', { recursive: true });
  let missed = 0;
  for (const scenario of chosen) {
    console.log(`\n## ${scenario.name}\n${FIGURE_HEAD}`);
    const figures = await runIn(root, scenario);
    for (const figure of figures) console.log(figureRow(figure));
    missed += figures.filter((figure) => verdict(figure) === 'missed').length;
    const result = { machine: machine(), node: process.version, figures };
    await writeFile(`bench/results/${scenario.name}.json`, `${JSON.stringify(result, null, 2)}\n`);
  }
  await writeDocuments();
  console.log(`\n${missed === 0 ? 'every target met' : `${missed} targets missed`}`);
}

function machine(): string {
  const cores = cpus();
  return `${cores.length} x ${cores[0]?.model.trim() ?? 'unknown'}, Linux ${release()}`;
}

interface Stored {
  readonly machine: string;
  readonly node: string;
  readonly figures: readonly Figure[];
}

async function storedResults(): Promise<ReadonlyMap<string, Stored>> {
  const results = new Map<string, Stored>();
  for (const { name } of SCENARIOS) {
    const text = await readFile(`bench/results/${name}.json`, 'utf8').catch(() => null);
    if (text !== null) results.set(name, JSON.parse(text));
  }
  return results;
}

async function writeDocuments(): Promise<void> {
  const results = await storedResults();
  const tables = [...results].map(
    ([name, { figures, machine: where, node }]) =>
      `### ${name}\n\n${where}; Node ${node}\n\n${FIGURE_HEAD}\n${figures.map(figureRow).join('\n')}`,
  );
  await replaceGenerated('bench/README.md', 'results', `\n${tables.join('\n\n')}\n`);
  const figures = [...results.values()].flatMap((result) => result.figures);
  await replaceGenerated('README.md', 'measured', headlineTable(figures));
}

async function replaceGenerated(path: string, name: string, body: string): Promise<void> {
  const text = withGenerated(await readFile(path, 'utf8'), name, body);
  if (text === null) throw new TypeError(`${path}: the marks of ${name} are missing`);
  await writeFile(path, text);
}

/** Two checkouts, one machine: each round runs both, the order reversed from round to round. */
async function compare(ref: string, chosen: readonly Scenario[]): Promise<void> {
  const other = await mkdtemp(join(tmpdir(), 'agentbox-compare-'));
  await runProgram(['git', 'worktree', 'add', '--detach', other, ref]);
  try {
    const installed = await runProgram(['npm', 'ci', '--ignore-scripts'], { cwd: other });
    if (installed.code !== 0) throw new TypeError(`npm ci failed at ${ref}:\n${installed.output}`);
    for (const scenario of chosen) await compareScenario(other, ref, scenario);
  } finally {
    await runProgram(['git', 'worktree', 'remove', '--force', other]);
    await rm(other, { recursive: true, force: true });
  }
}

async function compareScenario(other: string, ref: string, scenario: Scenario): Promise<void> {
  const rounds = new Map<string, { here: number[]; there: number[] }>();
  for (let round = 0; round < COMPARE_ROUNDS; round += 1) {
    const sides = [['here', root] as const, ['there', other] as const];
    for (const [side, checkout] of round % 2 === 0 ? sides : sides.toReversed()) {
      for (const figure of await runIn(checkout, scenario)) {
        const entry = rounds.get(figure.name) ?? { here: [], there: [] };
        entry[side].push(median(figure.rounds));
        rounds.set(figure.name, entry);
      }
    }
  }
  console.log(`\n## ${scenario.name}\n| what | here | ${ref} | ratio |\n|---|---|---|---|`);
  for (const [name, { here, there }] of rounds) {
    const [a, b] = [median(here), median(there)];
    console.log(
      `| ${name} | ${a.toFixed(2)} (${here.map((x) => x.toFixed(2)).join(' ')}) | ${b.toFixed(2)} | ${(a / b).toFixed(2)} |`,
    );
  }
}

const unknown = positionals.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.error(`no scenario ${unknown.join(', ')}; there are: ${SCENARIOS.map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
} else {
  const chosen = SCENARIOS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  await (values.compare === undefined ? measureAll(chosen) : compare(values.compare, chosen));
}
