/** Group E: processes, memory, disk, descriptors, output and time. Each is bounded, so that a leak hurts nobody. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AttackCase, broken, inapplicable, judged, type Try } from '../attack-case.ts';
import { payload, shortOf, tryScript } from '../attempts.ts';
import type { Site } from '../place/site.ts';

const LIMITS = 'run with `box.profile = "workspace"` and keep its limits; `agentbox doctor` says which hold here';
const MIB = 1024 * 1024;

export const resources: readonly AttackCase[] = [
  {
    id: 'E41',
    title: 'start more processes than the limit, 600 at least',
    oracle: 'that many processes on the host',
    mend: LIMITS,
    attempt: bomb,
  },
  {
    id: 'E42',
    title: 'take more memory than the limit, 3 GiB at least',
    oracle: 'all of it was touched',
    mend: LIMITS,
    attempt: takeMemory,
  },
  {
    id: 'E43',
    title: 'write a larger file than the limit, 600 MiB at least',
    oracle: 'the size of the file on the host',
    mend: LIMITS,
    attempt: fillDisk,
  },
  {
    id: 'E44',
    title: 'open more descriptors than the limit, 5,000 at least',
    oracle: 'all of them are open',
    mend: LIMITS,
    attempt: openMany,
  },
  {
    id: 'E45',
    title: 'print 1 GiB',
    oracle: 'the server or the box grows by more than 192 MiB',
    mend: 'report it: output has a bound in every version',
    attempt: flood,
  },
  {
    id: 'E46',
    title: 'leave a daemon behind: setsid, double fork',
    oracle: 'a process of the host lives on after its session was ended',
    mend: LIMITS,
    attempt: leaveDaemon,
  },
  {
    id: 'E47',
    title: 'take every processor from the neighbours',
    oracle: 'the same work of a neighbour takes more than six times as long',
    mend: LIMITS,
    attempt: spin,
  },
  {
    id: 'E48',
    title: 'leave a core dump',
    oracle: 'the hard limit of cores is not 0, or a core is there',
    mend: LIMITS,
    attempt: dumpCore,
  },
  {
    id: 'E49',
    title: 'feed the file tool a file of 8 GiB with holes',
    oracle: 'the box grows by more than 256 MiB, or the tool takes it',
    mend: 'report it: the file tool has a bound in every version',
    attempt: sparseFile,
  },
];

/** Processes of the host whose arguments are exactly these: the sandbox cannot hide them from its host. */
function processesRunning(argument: string): number {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8') === `sleep\0${argument}\0`;
    } catch {
      return false;
    }
  }).length;
}

/** A time to sleep that no other process sleeps. */
const unlike = (site: Site, seconds: number): string => `${seconds}.${Number.parseInt(site.run, 16)}`;

/** A limit that is as high as this is the operator's choice, and is not tried. */
const MOST_PROCESSES = 4000;

async function bomb(site: Site): Promise<readonly Try[]> {
  const count = Math.max(600, site.limits.processes + 64);
  if (count > MOST_PROCESSES)
    return [inapplicable('processes', `the limit is ${site.limits.processes}: too many to try`)];
  const time = unlike(site, 61);
  const started = await site
    .client()
    .start(`i=0; while [ $i -lt ${count} ]; do sleep ${time} & i=$((i+1)); done; wait`, { keep: true });
  let most = 0;
  for (let look = 0; look < 30 && most < count; look += 1) {
    const now = processesRunning(time);
    if (now === most && look > 10) break;
    most = Math.max(most, now);
    await sleep(200);
  }
  if (started.session !== null) await site.client().kill(started.session);
  for (let look = 0; look < 25 && processesRunning(time) > 0; look += 1) await sleep(200);
  const left = processesRunning(time);
  if (most === 0) return [broken('processes', `none was started: ${shortOf(started)}`)];
  return [
    judged('processes', most >= count, `${most} at once`, `it was stopped at ${most}`),
    judged('their end', left > 0, `${left} outlive their session`, 'all ended with their session'),
  ];
}

async function takeMemory(site: Site): Promise<readonly Try[]> {
  const mib = Math.max(3072, Math.ceil(site.limits.memory_bytes / MIB) + 512);
  if (freemem() < (mib + 1024) * MIB)
    return [inapplicable('memory', `this machine has less than ${mib + 1024} MiB free`)];
  const interpreter = ['python3', 'node'].find((tool) => site.tools.has(tool));
  if (interpreter === undefined) return [inapplicable('memory', 'needs python3 or node inside')];
  const file = interpreter === 'node' ? 'memory.js' : 'memory.py';
  const { output, text } = await site.client().shell(payload(interpreter, file, mib), { patienceMs: 40_000 });
  const most = Math.max(0, ...[...output.matchAll(/^have (\d+)$/gm)].map(([, have]) => Number(have)));
  if (most === 0 && !/MemoryError|Killed|137/.test(text))
    return [broken('memory', `it took nothing: ${text.slice(0, 120)}`)];
  return [judged('memory', /^ALL$/m.test(output), `${most} MiB`, `it was stopped at ${most} MiB`)];
}

const MOST_FILE_MIB = 4096;

async function fillDisk(site: Site): Promise<readonly Try[]> {
  const wanted = Math.max(600, Math.ceil(site.limits.file_bytes / MIB) + 64);
  if (wanted > MOST_FILE_MIB) return [inapplicable('one file', `the limit is ${wanted - 64} MiB: too much to try`)];
  const file = join(site.workspace, 'big');
  const said = await tryScript(site, {
    name: 'one file',
    cmd: `( dd if=/dev/zero of=big bs=1048576 count=${wanted} ) >/dev/null 2>&1; echo TRIED`,
    needs: ['dd'],
    options: { patienceMs: 60_000 },
  });
  const size = existsSync(file) ? statSync(file).size : 0;
  rmSync(file, { force: true });
  if (said.verdict !== 'held') return [said];
  const mib = Math.round(size / MIB);
  return [judged('one file', size >= wanted * MIB, `${mib} MiB were written`, `it was stopped at ${mib} MiB`)];
}

async function openMany(site: Site): Promise<readonly Try[]> {
  const count = Math.max(5000, site.limits.open_files + 64);
  return [
    await tryScript(site, {
      name: 'descriptors',
      cmd: payload('python3', 'files.py', count),
      needs: ['python3'],
      seen: ({ output }) => (/^ALL$/m.test(output) ? `${count} are open` : null),
    }),
  ];
}

/** Resident memory of a process, in `bytes`. */
function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

interface Growth {
  /** growth of the larger of both, in `bytes` */
  most(): number;
  stop(): void;
}

function watchGrowth(site: Site): Growth {
  const { pid, boxd_pid: box } = site.install.ready();
  const before = [pid, box].map(residentBytes);
  let most = 0;
  const look = (): void => {
    for (const [at, one] of [pid, box].entries()) most = Math.max(most, residentBytes(one) - (before[at] ?? 0));
  };
  const timer = setInterval(look, 50);
  return {
    most: () => {
      look();
      return most;
    },
    stop: () => clearInterval(timer),
  };
}

const FLOOD_GROWTH = 192 * MIB;

async function flood(site: Site): Promise<readonly Try[]> {
  const growth = watchGrowth(site);
  const began = Date.now();
  const { output, text } = await site
    .client()
    .shell('yes agentbox-attack-flood | head -c 1073741824; echo; echo FLOODED', { patienceMs: 60_000 });
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  const grown = growth.most();
  growth.stop();
  const what = `${Math.round(grown / MIB)} MiB in ${seconds} s`;
  if (!output.includes('FLOODED')) return [broken('growth', `the flood did not end: ${text.slice(0, 100)}`)];
  return [judged('growth', grown > FLOOD_GROWTH, `grew by ${what}`, `grew by ${what}`)];
}

async function leaveDaemon(site: Site): Promise<readonly Try[]> {
  const times = [unlike(site, 62), unlike(site, 63), unlike(site, 64)];
  const started = await site
    .client()
    .start(
      `setsid sleep ${times[0]} >/dev/null 2>&1 & (setsid sh -c 'sleep ${times[1]} & exit' &) ; nohup sleep ${times[2]} >/dev/null 2>&1 & sleep 60`,
      { keep: true },
    );
  await sleep(500);
  const alive = times.reduce((sum, time) => sum + processesRunning(time), 0);
  if (started.session !== null) await site.client().kill(started.session);
  for (let look = 0; look < 25 && times.some((time) => processesRunning(time) > 0); look += 1) await sleep(200);
  const left = times.reduce((sum, time) => sum + processesRunning(time), 0);
  if (alive === 0) return [broken('daemons', `none was started: ${shortOf(started)}`)];
  return [judged('daemons', left > 0, `${left} of ${alive} live on`, `all ${alive} ended with their session`)];
}

const WORK = 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; echo WORKED';
const UNFAIR = 6;

async function spin(site: Site): Promise<readonly Try[]> {
  const work = async (): Promise<number> => {
    const began = performance.now();
    const { output } = await site.neighbour().shell(WORK, { patienceMs: 60_000 });
    return output.includes('WORKED') ? performance.now() - began : Number.NaN;
  };
  const alone = Math.min(await work(), await work());
  const spinners = availableParallelism() * 4;
  const started = await site
    .client()
    .start(`i=0; while [ $i -lt ${spinners} ]; do ( while :; do :; done ) & i=$((i+1)); done; sleep 20`, {
      keep: true,
    });
  const beside = Math.min(await work(), await work());
  if (started.session !== null) await site.client().kill(started.session);
  const ratio = beside / alone;
  if (Number.isNaN(ratio)) return [broken('share', 'the neighbour did not come to its work')];
  const text = `${ratio.toFixed(1)} times as long beside ${spinners} spinners`;
  return [judged('share', ratio > UNFAIR, text, text)];
}

async function dumpCore(site: Site): Promise<readonly Try[]> {
  const said = await tryScript(site, {
    name: 'core',
    cmd: 'while read -r a b c d e f; do [ "$a $b $c" = "Max core file" ] && [ "$f" != "0" ] && [ "${f%% *}" != "0" ] && echo "LEAK the hard limit is ${f%% *}"; done < /proc/self/limits; ulimit -c unlimited 2>/dev/null; sh -c \'kill -SEGV $$\'; echo TRIED',
  });
  const cores = readdirSync(site.workspace).filter((name) => /^core(?:\.|$)/.test(name));
  for (const name of cores) rmSync(join(site.workspace, name), { force: true });
  return [said, judged('a file', cores.length > 0, `${cores.join(', ')} in the workspace`, 'no core in the workspace')];
}

const SPARSE_GROWTH = 256 * MIB;

async function sparseFile(site: Site): Promise<readonly Try[]> {
  const file = join(site.workspace, 'sparse');
  writeFileSync(file, '');
  truncateSync(file, 8 * 1024 * MIB);
  const growth = watchGrowth(site);
  const patch = '*** Begin Patch\n*** Update File: sparse\n@@\n-nothing\n+something\n*** End Patch\n';
  const answer = await site.client().call('apply_patch', { patch, workdir: site.workspace });
  const grown = growth.most();
  growth.stop();
  rmSync(file, { force: true });
  const text = `the box grew by ${Math.round(grown / MIB)} MiB`;
  return [
    judged('growth', grown > SPARSE_GROWTH, text, text),
    judged('the answer', !answer.isError && answer.status !== 0, 'the tool took it', 'the tool refused it'),
  ];
}
