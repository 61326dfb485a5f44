/** What Codex was seen to answer, call by call: the same calls must get the same text in format codex. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { z } from 'zod';
import { verifies } from '../requirements/verifies.ts';
import { DIFFERENCES, SHAPED } from './observed-differences.ts';
import { type Rig, startRig } from './rig.ts';

const call = z.object({
  name: z.enum(['exec_command', 'write_stdin']),
  args: z.record(z.string(), z.unknown()),
});
const cases = z
  .array(
    z.object({
      battery: z.enum(['A', 'B', 'C']),
      n: z.number(),
      call: z.union([call, z.array(call)]),
      output: z.string(),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL('../fixtures/exec/observed.json', import.meta.url), 'utf8')));
type Observed = (typeof cases)[number];

/** Token counts depend on the length of the directory's name: ours is as long as the one that was observed. */
const OBSERVED_DIR = '/work-dir';
const OBSERVED_DIR_CHARS = 35;

/** Waits that were just long enough for a quiet machine are longer here; one that shows nothing but its bound is shorter. */
const PACE: Readonly<Record<string, number>> = {
  B0: 3000,
  B10: 4000,
  B15: 1500,
  B21: 1500,
  C10: 3000,
  C13: 3000,
  C19: 500,
};

function waitFor(one: Observed, args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const paced = PACE[idOf(one)];
  if (paced !== undefined) return { yield_time_ms: paced };
  if (args['session_id'] === undefined || args['chars'] === '' || args['yield_time_ms'] !== undefined) return {};
  return { yield_time_ms: one.output.includes('Process running') ? 1000 : 8000 };
}

const missing = (program: string): string | false =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0 ? false : `${program} is not installed`;
const NEEDS: Readonly<Record<string, string>> = {
  B10: 'python3',
  B11: 'python3',
  C10: 'python3',
  C11: 'python3',
  C12: 'python3',
  C13: 'python3',
  C14: 'python3',
  C15: 'python3',
  B29: 'vi',
  B30: 'less',
  B31: 'less',
};

const idOf = ({ battery, n }: Pick<Observed, 'battery' | 'n'>): string => `${battery}${n}`;
const answers = new Map<string, string>();
let rig: Rig;
let workdir: string;

before(async () => {
  // Whoever has a long name for the folder of temporary files has /tmp as well.
  const short = [tmpdir(), '/tmp'].find((folder) => folder.length + '/observed-XXXXXX'.length <= OBSERVED_DIR_CHARS);
  workdir = mkdtempSync(path.join(short ?? '/tmp', 'observed-'));
  const padded = workdir.padEnd(OBSERVED_DIR_CHARS, 'x');
  assert.equal(padded.length, OBSERVED_DIR_CHARS, `${tmpdir()} has a short name`);
  renameSync(workdir, padded);
  workdir = padded;
  mkdirSync(path.join(workdir, 'sub'), { recursive: true });
  rig = await startRig({ defaultWorkdir: workdir, pollYieldMs: { standard: 5000, least: 5000, most: 300_000 } });
  await Promise.all(
    (['A', 'B', 'C'] as const).map((battery) => replay(cases.filter((one) => one.battery === battery))),
  );
});
after(async () => {
  assert.deepEqual(rig.faults, []);
  await rig[Symbol.asyncDispose]();
  rmSync(workdir, { recursive: true, force: true });
});

async function replay(battery: readonly Observed[]): Promise<void> {
  let session = '';
  for (const one of battery) {
    const calls = [one.call].flat();
    const texts = await Promise.all(
      calls.map(async ({ name, args }) => {
        const given = { ...args, ...waitFor(one, args), format: 'codex' };
        const asked = 'session_id' in given && given.session_id === '$SID' ? { ...given, session_id: session } : given;
        const { kind, code, message, text } = await rig.call(name, asked);
        session = /running with session ID (\S+)/.exec(text)?.[1] ?? session;
        return kind === 'failed' && !message.startsWith('apply_patch verification') ? `${code}: ${message}` : text;
      }),
    );
    answers.set(idOf(one), texts.at(-1) ?? '');
  }
}

/** Times, ids and what the shell says of its version and its user. */
function masked(text: string): string {
  return text
    .replaceAll(workdir, OBSERVED_DIR)
    .replace(/^Chunk ID: [0-9a-f]{6}$/m, 'Chunk ID: C')
    .replace(/^Wall time: \d+\.\d{4} seconds$/m, 'Wall time: T seconds')
    .replace(/session ID \S+/, 'session ID S')
    .replaceAll(/bash-\d\.\d[#$]/g, 'bash-5.2#');
}

function shaped(text: string): string {
  const [head = '', ...body] = masked(text).split('Output:\n');
  return `${head.replaceAll(/\d+/g, 'N')}${body.length}`;
}

for (const one of cases) {
  const id = idOf(one);
  const difference = DIFFERENCES[id];
  verifies(
    'machine.codex.observed',
    () => {
      const ours = answers.get(id) ?? '';
      if (difference !== undefined) {
        assert.match(masked(ours), difference.ours, difference.reason);
        return;
      }
      if (SHAPED[id] !== undefined) {
        assert.equal(shaped(ours), shaped(one.output), SHAPED[id]);
        return;
      }
      const [start = '', end] = masked(one.output).split('<<cut>>');
      if (end === undefined) assert.equal(masked(ours), start);
      else assert.ok(masked(ours).startsWith(start) && masked(ours).endsWith(end), masked(ours).slice(0, 500));
    },
    { cell: `${id} ${JSON.stringify(one.call).slice(0, 70)}`, skip: missing(NEEDS[id] ?? 'sh') },
  );
}
