/**
 * The answers of a real Codex. `node test/policy/codex-oracle.ts [--count N] [--seed S]` compares generated cases live;
 * with `--record` it writes the answers that the suite replays. The program is codex 0.169.0 at AGENTBOX_CODEX or in
 * test/.clients; `--install` puts it there first (about 400 MB, never a dependency).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkJson, evaluate, loadRules } from '@agentbox/execpolicy';
import { type CheckCase, makeCase } from './generate.ts';

export const OBSERVED = join(import.meta.dirname, '../fixtures/policy/observed.jsonl');
const CLIENTS = join(import.meta.dirname, '../.clients');
const CODEX = '@openai/codex@0.169.0';
const WRITTEN = join(import.meta.dirname, '../fixtures/policy/written.rules');

/** Where every command starts, in both. */
const PLACE = { cwd: '/', home: '/home/agent' };

/** Null: the files were refused. */
export type Answer = string | null;

export interface Observed extends CheckCase {
  readonly answer: Answer;
}

/** The cases of written.rules: blocks between lines of ----, asked about the command `v`. */
export function writtenCases(): readonly CheckCase[] {
  const blocks = readFileSync(WRITTEN, 'utf8').split(/^----\n/mu);
  return blocks.map((text, index) => ({ name: `written ${index}`, files: [text], argv: ['v'], resolve: false }));
}

export function ourAnswer({ files, argv, resolve }: CheckCase): Answer {
  const sources = files.map((text, index) => ({ name: `${index}.rules`, layer: 'user' as const, text }));
  const loaded = loadRules(sources, PLACE);
  if (loaded.kind === 'refused') return null;
  const facts = { ...PLACE, resolveHostExecutables: resolve, restrictByBasename: false };
  return checkJson(evaluate(loaded.policy, argv, facts), false);
}

function findCodex(): string | null {
  const platform = `codex-linux-${process.arch}/vendor/${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-unknown-linux-musl/bin/codex`;
  const places = [process.env['AGENTBOX_CODEX'], join(CLIENTS, 'node_modules/@openai', platform)];
  return places.find((place) => place !== undefined && existsSync(place)) ?? null;
}

/** Other clients that are there stay. */
function installCodex(): void {
  mkdirSync(CLIENTS, { recursive: true });
  const manifest = join(CLIENTS, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, JSON.stringify({ private: true }));
  const options = ['--ignore-scripts', '--no-save', '--no-prune', '--no-audit', '--no-fund'];
  const { status } = spawnSync('npm', ['install', ...options, CODEX], { cwd: CLIENTS, stdio: 'inherit' });
  if (status !== 0) console.error(`npm could not install ${CODEX}`);
}

function codexAnswer(codex: string, folder: string, { files, argv, resolve }: CheckCase): Answer {
  const options = files.flatMap((text, index) => {
    const path = join(folder, `${index}.rules`);
    writeFileSync(path, text);
    return ['-r', path];
  });
  const more = resolve ? ['--resolve-host-executables'] : [];
  const env = { ...process.env, HOME: PLACE.home, CODEX_HOME: folder, RUST_BACKTRACE: '0' };
  const ran = spawnSync(codex, ['execpolicy', 'check', ...options, ...more, '--', ...argv], {
    env,
    cwd: PLACE.cwd,
    encoding: 'utf8',
  });
  return ran.status === 0 ? ran.stdout.trim() : null;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '500' },
      seed: { type: 'string', default: '1' },
      record: { type: 'boolean', default: false },
      install: { type: 'boolean', default: false },
    },
  });
  if (values.install && findCodex() === null) installCodex();
  const codex = findCodex();
  if (codex === null) {
    console.error('no codex: set AGENTBOX_CODEX, or add --install');
    process.exitCode = 2;
    return;
  }
  const first = Number(values.seed);
  const generated = Array.from({ length: Number(values.count) }, (_, index) => makeCase(first + index));
  const folder = mkdtempSync(join(tmpdir(), 'agentbox-codex-'));
  const observed: Observed[] = [];
  try {
    for (const one of [...writtenCases(), ...generated])
      observed.push({ ...one, answer: codexAnswer(codex, folder, one) });
  } finally {
    rmSync(folder, { recursive: true });
  }
  const different = observed.filter((one) => ourAnswer(one) !== one.answer);
  for (const one of different.slice(0, 20)) console.log(JSON.stringify({ ...one, ours: ourAnswer(one) }));
  const refused = observed.filter(({ answer }) => answer === null).length;
  console.log(`${observed.length} cases, ${refused} refused by both or one, ${different.length} different`);
  if (values.record) writeFileSync(OBSERVED, observed.map((one) => `${JSON.stringify(one)}\n`).join(''));
  process.exitCode = different.length === 0 ? 0 : 1;
}

if (import.meta.main) main();
