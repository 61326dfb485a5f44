/**
 * Throws mutated inputs at a target until the time is up or a promise breaks. Everything follows from the seed, so a
 * run can be repeated; the input that broke something is kept and can be run alone.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** pieces that the parser looks for */
  readonly dictionary?: readonly string[];
  /** throws when a promise is broken */
  run(bytes: Uint8Array): void | Promise<void>;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly artifacts: string;
  /** ends the run early */
  readonly maxRuns?: number;
}

interface Finding {
  readonly fault: unknown;
  readonly artifact: string;
  readonly bytes: Uint8Array;
}

export interface FuzzReport {
  readonly target: string;
  readonly seed: number;
  readonly runs: number;
  readonly finding: Finding | null;
}

/** Bytes of the longest input. */
const MAX_INPUT = 64 * 1024;
/** An input that takes longer is a finding. */
const SLOW_MS = 10_000;
/** Inputs between two looks at the clock and two turns of the event loop. */
const BATCH = 50;

type Random = (below: number) => number;

/** mulberry32: small, fast and the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]).subarray(0, MAX_INPUT);
}

const INTERESTING = [0, 9, 10, 13, 32, 0x7f, 0x80, 0xc2, 0xe2, 0xef, 0xf4, 0xff];

type Mutation = (bytes: Uint8Array, random: Random, target: Target) => Uint8Array;

const pick = <T>(list: readonly T[], random: Random, otherwise: T): T => list[random(list.length)] ?? otherwise;
const NOTHING = new Uint8Array();

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => splice(bytes, random(bytes.length + 1), 1, Uint8Array.of(random(256))),
  (bytes, random) => splice(bytes, random(bytes.length + 1), 0, Uint8Array.of(pick(INTERESTING, random, 0))),
  (bytes, random) => splice(bytes, random(bytes.length + 1), 1 + random(8), NOTHING),
  (bytes, random) => {
    const from = random(bytes.length + 1);
    return splice(bytes, random(bytes.length + 1), 0, bytes.subarray(from, from + 1 + random(64)));
  },
  (bytes, random) => {
    const from = random(bytes.length + 1);
    return splice(bytes, from, 1 + random(bytes.length - from + 1), NOTHING);
  },
  (bytes, random, target) => {
    const other = pick(target.seeds, random, NOTHING);
    return splice(bytes, random(bytes.length + 1), 0, other.subarray(random(other.length + 1)));
  },
  (bytes, random, target) => {
    const word = pick(target.dictionary ?? ['\n'], random, '\n');
    return splice(bytes, random(bytes.length + 1), random(2) * random(8), Buffer.from(word));
  },
  // Whole lines move, double and vanish: most of our formats are lines.
  (bytes, random) => {
    const lines = Buffer.from(bytes).toString('latin1').split('\n');
    const [line = ''] = lines.splice(random(lines.length), 1);
    for (let copy = random(3); copy > 0; copy -= 1) lines.splice(random(lines.length + 1), 0, line);
    return Buffer.from(lines.join('\n'), 'latin1').subarray(0, MAX_INPUT);
  },
];

function mutate(target: Target, random: Random): Uint8Array {
  let bytes = pick(target.seeds, random, NOTHING);
  for (let step = random(1 + random(8)); step >= 0; step -= 1) {
    bytes = (MUTATIONS[random(MUTATIONS.length)] ?? ((same) => same))(bytes, random, target);
  }
  return bytes;
}

/** The fault, or null. */
async function tryInput(target: Target, bytes: Uint8Array): Promise<unknown> {
  const before = performance.now();
  try {
    await target.run(bytes);
  } catch (fault) {
    return fault ?? new TypeError('the target threw nothing');
  }
  const took = performance.now() - before;
  return took > SLOW_MS ? new RangeError(`one input took ${Math.round(took)} ms`) : null;
}

async function keep(options: FuzzOptions, target: Target, bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  const path = join(options.artifacts, `fuzz-${target.name}-${hash}.bin`);
  await mkdir(options.artifacts, { recursive: true });
  await writeFile(path, bytes);
  return path;
}

export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const random = randomFrom(options.seed);
  const end = performance.now() + options.durationMs;
  const most = options.maxRuns ?? Number.POSITIVE_INFINITY;
  for (let runs = 0; ; runs += 1) {
    const bytes = target.seeds[runs] ?? mutate(target, random);
    const fault = await tryInput(target, bytes);
    if (fault !== null) {
      const finding = { fault, artifact: await keep(options, target, bytes), bytes };
      return { target: target.name, seed: options.seed, runs: runs + 1, finding };
    }
    const seeded = runs + 1 >= target.seeds.length;
    if (seeded && (runs + 1 >= most || (runs % BATCH === 0 && performance.now() > end))) {
      return { target: target.name, seed: options.seed, runs: runs + 1, finding: null };
    }
  }
}
