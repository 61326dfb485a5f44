/** The same programs in both implementations: `node test/policy/starlark-oracle/compare.ts [--count N] [--seed S]`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { RulesFault } from '../../../packages/execpolicy/src/problem.ts';
import { runProgram } from '../../../packages/execpolicy/src/rules/read.ts';
import { Budget } from '../../../packages/execpolicy/src/starlark/budget.ts';
import { repr } from '../../../packages/execpolicy/src/starlark/text.ts';
import { buildOracle } from './go.ts';
import { makeProgram, type Program } from './programs.ts';

interface Outcome {
  readonly emitted: readonly string[];
  readonly error: string;
}

interface Difference {
  readonly program: Program;
  readonly ours: Outcome;
  readonly theirs: Outcome;
}

interface Comparison {
  readonly programs: number;
  readonly failing: number;
  readonly values: number;
  readonly differences: readonly Difference[];
}

const Answer = z.object({ emitted: z.array(z.string()), error: z.string() });

function runOurs(program: string): Outcome {
  const emitted: string[] = [];
  const budget = new Budget();
  const ran = runProgram(
    program,
    () =>
      new Map([
        [
          'emit',
          ({ positional }) => {
            emitted.push(repr(positional[0] ?? null, budget));
            return null;
          },
        ],
      ]),
  );
  return { emitted, error: ran instanceof RulesFault ? ran.message : '' };
}

export function compareWithGo(first: number, count: number): Comparison {
  const folder = mkdtempSync(join(tmpdir(), 'agentbox-starlark-'));
  try {
    const programs = Array.from({ length: count }, (_, index) => makeProgram(first + index));
    const input = programs.map(({ theirs }) => `${JSON.stringify(theirs)}\n`).join('');
    const ran = spawnSync(buildOracle(folder), { input, encoding: 'utf8', maxBuffer: 1 << 30 });
    const answers = ran.stdout
      .trim()
      .split('\n')
      .map((line) => Answer.parse(JSON.parse(line)));
    const results = programs.map((program, index) => ({
      program,
      ours: runOurs(program.ours),
      theirs: answers[index] ?? { emitted: [], error: `no answer: ${ran.stderr}` },
    }));
    return {
      programs: count,
      failing: results.filter(({ theirs }) => theirs.error !== '').length,
      values: results.reduce((sum, { theirs }) => sum + theirs.emitted.length, 0),
      differences: results.filter(({ ours, theirs }) => isDifferent(ours, theirs)),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Messages are worded differently; that there is one, and after which value, is not. */
function isDifferent(ours: Outcome, theirs: Outcome): boolean {
  if (isKnown(ours, theirs)) return false;
  if ((ours.error === '') !== (theirs.error === '')) return true;
  return JSON.stringify(ours.emitted.map(unnamed)) !== JSON.stringify(theirs.emitted.map(unnamed));
}

/**
 * Errors in Codex and here, and none in Go: `[] in {}`, a part of another type behind one that fits, equal dicts in
 * lists that are ordered, and `99.items`, where no fractions are. Go in turn joins no dicts with `|`.
 */
const KNOWN = /a (?:list|dict) cannot be a key|`affix` of|have no order|fraction or an exponent/;

const isKnown = (ours: Outcome, theirs: Outcome): boolean =>
  (KNOWN.test(ours.error) && begins(ours, theirs)) || (theirs.error.includes('dict | dict') && begins(theirs, ours));

const begins = (short: Outcome, long: Outcome): boolean =>
  short.emitted.every((text, index) => unnamed(text) === unnamed(long.emitted[index] ?? ''));

/** Functions print differently, and neither form is promised. */
const unnamed = (text: string): string => text.replaceAll(/<function \w+>|\b(?:f|g|h)\b(?!")/g, 'fn');

function main(): void {
  const { values } = parseArgs({
    options: { count: { type: 'string', default: '5000' }, seed: { type: 'string', default: '1' } },
  });
  const { programs, failing, values: compared, differences } = compareWithGo(Number(values.seed), Number(values.count));
  for (const { program, ours, theirs } of differences.slice(0, 10)) {
    console.log(program.ours.split('\n').slice(19).join('\n'));
    console.log(JSON.stringify({ ours, theirs }));
  }
  console.log(`${programs} programs, ${failing} fail in Go, ${compared} values, ${differences.length} differences`);
  process.exitCode = differences.length === 0 ? 0 : 1;
}

if (import.meta.main) main();
