/** How long patches take, against what the same files cost without a patch, here and now. */
import assert from 'node:assert/strict';
import { closeSync, fstatSync, lstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { verifies } from '../requirements/verifies.ts';
import { type Place, place, wrap } from './sandbox-tree.ts';

verifies('patch.speed.large-file', async () => {
  const lines = Array.from({ length: 200_000 }, (_, index) => `    const value${index} = compute(${index}, "text");`);
  const content = `${lines.join('\n')}\n`;
  await using at = await place({ f: content });
  // What reading, decoding, splitting, joining and writing the same file cost here and now.
  const copy = async (): Promise<number> => {
    const before = performance.now();
    const text = await readFile(join(at.dir, 'f'), 'utf8');
    await writeFile(
      join(at.dir, 'g'),
      text
        .split('\n')
        .map((line) => line.trim())
        .join('\n'),
      { flush: true },
    );
    return performance.now() - before;
  };
  const timed = async (exitCode: number, ...patch: readonly string[]): Promise<number> => {
    const before = performance.now();
    const reply = await at.update('f', ...patch);
    const took = performance.now() - before;
    assert.equal(reply.exitCode, exitCode, reply.stderr.slice(0, 500));
    return took;
  };
  await copy();
  const floor = await copy();
  const many = Array.from({ length: 200 }, (_, index) => ['@@', `-${lines[index * 990 + 7]}`, `+x${index}`]).flat();
  const figures = {
    hit: await timed(0, '@@', `-${lines[150_000]}`, '+x'),
    miss: await timed(1, '@@', '-there is nothing like this', '+x'),
    near: await timed(1, '@@', '-    const value150001 = compote(150001, "text");', '+x'),
    many: await timed(0, ...many),
  };
  console.log('patch.speed', { floor: Math.round(floor), ...figures });
  for (const [name, took] of Object.entries(figures))
    assert.ok(took < Math.max(3000, floor * 30), `${name}: ${took} ms`);
});

const MANY = 300;
const nameOf = (index: number): string => `d${index % 10}/f${index}`;

/** New files by the same steps, without a patch: looked for, written under another name, renamed. */
function makeFiles(dir: string): number {
  const before = performance.now();
  for (let index = 0; index < 10; index += 1) mkdirSync(join(dir, `d${index}`), { recursive: true });
  for (let index = 0; index < MANY; index += 1) {
    const path = join(dir, nameOf(index));
    lstatSync(path, { throwIfNoEntry: false });
    const file = openSync(`${path}.new`, 'wx');
    writeSync(file, 'one\ntwo\n');
    fstatSync(file);
    closeSync(file);
    renameSync(`${path}.new`, path);
  }
  return performance.now() - before;
}

async function timed(at: Place, patch: string): Promise<number> {
  const before = performance.now();
  const reply = await at.patch(patch);
  assert.equal(reply.exitCode, 0, reply.stderr);
  return performance.now() - before;
}

/** The longest that the event loop was kept from other work while `work` ran. */
async function longestTurn(work: () => Promise<void>): Promise<number> {
  const done = new AbortController();
  let longest = 0;
  const watcher = (async () => {
    while (!done.signal.aborted) {
      const before = performance.now();
      await nextTurn();
      longest = Math.max(longest, performance.now() - before);
    }
  })();
  await work();
  done.abort();
  await watcher;
  return longest;
}

verifies('patch.speed.many-files', async () => {
  const each = Array.from({ length: MANY }, (_, index) => index);
  const adds = wrap(...each.flatMap((index) => [`*** Add File: ${nameOf(index)}`, '+one', '+two']));
  const updates = wrap(...each.flatMap((index) => [`*** Update File: ${nameOf(index)}`, '@@', '-one', '+1']));
  // The best of several rounds: what else the disk has to do can only make one slower.
  const best = { floor: Infinity, add: Infinity, update: Infinity, longestTurn: Infinity };
  for (let round = 0; round < 2; round += 1) {
    await using floorAt = await place();
    await using at = await place();
    best.floor = Math.min(best.floor, makeFiles(floorAt.dir));
    const turn = await longestTurn(async () => {
      best.add = Math.min(best.add, await timed(at, adds));
    });
    best.longestTurn = Math.min(best.longestTurn, turn);
    best.update = Math.min(best.update, await timed(at, updates));
  }
  console.log('patch.speed', best);
  assert.ok(best.add < Math.max(400, best.floor * 10), `${best.add} ms for ${MANY} new files`);
});
