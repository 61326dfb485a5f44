/** K104: a server of its own on a small file system that runs full. Needs a mount that only this attempt sees. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { broken, inapplicable, judged, type Try } from '../attack-case.ts';
import { doorClient } from '../door-client.ts';
import { copyConfiguration } from '../place/install.ts';
import type { Site } from '../place/site.ts';

const SIZE_MIB = 24;
const readyLine = z.object({ url: z.string(), token: z.string(), pid: z.number(), boxd_pid: z.number() });

/** In a mount namespace of its own the home stands on the small file system; the launcher then takes the place of sh. */
const SCRIPT = `mount -t tmpfs -o size=${SIZE_MIB}m,mode=700 agentbox-attack "$1" && cp -R "$2"/. "$1"/ && shift 2 && exec "$@"`;

export async function tryFullDisk(site: Site): Promise<readonly Try[]> {
  const flags = process.getuid?.() === 0 ? ['-m'] : ['-Urm'];
  const can = spawnSync('unshare', [...flags, 'sh', '-c', 'mount -t tmpfs none /mnt'], { stdio: 'ignore' });
  if (can.status !== 0) return [inapplicable('the record', 'needs unshare and a mount of its own on this machine')];
  const home = join(site.base, 'full');
  mkdirSync(home, { mode: 0o700 });
  const { home: seed } = copyConfiguration(site.source.home, join(site.base, 'full-seed'));
  const { profile, root, env } = site.source;
  const launcher = [process.execPath, ...process.execArgv, join(root, 'packages', 'cli', 'bin', 'launch.mjs')];
  const args = ['up', '--json', '--home', home, '--port', '0', '--workspace', site.workspace];
  const child = spawn(
    'unshare',
    [
      ...flags,
      'sh',
      '-c',
      SCRIPT,
      'sh',
      home,
      seed,
      ...launcher,
      ...args,
      ...(profile === undefined ? [] : ['--profile', profile]),
    ],
    { env, cwd: site.workspace, stdio: ['ignore', 'pipe', 'ignore'], detached: true },
  );
  let ready: z.output<typeof readyLine> | undefined;
  try {
    const line = await firstLine(child.stdout);
    ready = readyLine.parse(JSON.parse(line));
    return await fillAndTry(site, ready, home);
  } catch {
    return [broken('the record', 'a server on a small file system does not start')];
  } finally {
    for (const pid of [ready?.pid, ready?.boxd_pid, child.pid]) endProcess(pid);
  }
}

async function fillAndTry(site: Site, ready: z.output<typeof readyLine>, home: string): Promise<readonly Try[]> {
  const client = doorClient(ready.url, ready.token, site.workspace);
  try {
    const before = await client.shell('echo alive');
    if (!before.output.includes('alive')) return [broken('the record', 'the second server runs nothing')];
    fill(join(`/proc/${ready.pid}/root`, home, 'filler'));
    let ran = 0;
    let tried = 0;
    // What is still free in pages that the database has already may take a few records.
    for (; tried < 60 && ran === tried; tried += 1) {
      const mark = join(site.workspace, `k104-${tried}`);
      await client.shell(`: > k104-${tried}; head -c 4096 /dev/zero`);
      if (existsSync(mark)) ran += 1;
    }
    const last = join(site.workspace, 'k104-last');
    const answer = await client.shell(': > k104-last');
    const isOnRecord = !answer.isError;
    if (ran === tried && isOnRecord) return [broken('the record', `the disk did not run full in ${tried} calls`)];
    return [judged('the record', existsSync(last), 'a command ran without a record', `refused after ${ran} calls`)];
  } finally {
    client[Symbol.dispose]();
  }
}

/** Until not one byte more fits. */
function fill(file: string): void {
  for (const size of [1024 * 1024, 64 * 1024, 4096, 512]) {
    try {
      for (let at = 0; at < SIZE_MIB * 16; at += 1) writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full for this size: a smaller piece may still fit.
    }
  }
}

function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.includes('\n')) resolve(text.split('\n')[0] ?? '');
    });
    stream.once('end', () => reject(new TypeError('it ended')));
  });
}

function endProcess(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
