/** Group B: capabilities, system calls, devices, terminals and control groups. */
import { readdirSync, readFileSync } from 'node:fs';
import { type AttackCase, inapplicable, type Try } from '../attack-case.ts';
import { payload, quoted, tryScript, tryScripts } from '../attempts.ts';
import type { Site } from '../place/site.ts';

const SANDBOX = 'run with `box.profile = "workspace"`: it drops every capability and filters system calls';

const kernelCall = (name: string, mode: string, ...args: readonly string[]) => ({
  name,
  cmd: payload('python3', 'kernel.py', mode, ...args),
  needs: ['python3'],
});

/** Reads one line of the shell's own status without starting a program. */
const statusLine = (key: string, safe: string): string =>
  `while read -r k v; do [ "$k" = "${key}:" ] && [ "$v" != "${safe}" ] && echo "LEAK ${key} is $v"; done < /proc/self/status; echo TRIED`;

export const kernel: readonly AttackCase[] = [
  {
    id: 'B12',
    title: 'gain privileges at an exec',
    oracle: 'NoNewPrivs of the process is 0',
    mend: SANDBOX,
    attempt: (site) => tryScripts(site, [{ name: 'NoNewPrivs', cmd: statusLine('NoNewPrivs', '1') }]),
  },
  {
    id: 'B13',
    title: 'hold a capability',
    oracle: 'CapEff or CapPrm of the process is not 0',
    mend: SANDBOX,
    attempt: (site) =>
      tryScripts(site, [
        { name: 'CapEff', cmd: statusLine('CapEff', '0000000000000000') },
        { name: 'CapPrm', cmd: statusLine('CapPrm', '0000000000000000') },
      ]),
  },
  {
    id: 'B14',
    title: 'make a user namespace',
    oracle: 'the call succeeds',
    mend: SANDBOX,
    attempt: (site) =>
      tryScripts(site, [
        kernelCall('unshare and clone', 'userns'),
        {
          name: 'unshare(1)',
          cmd: 'unshare -U true 2>/dev/null && echo LEAK made by unshare; echo TRIED',
          needs: ['unshare'],
        },
      ]),
  },
  {
    id: 'B15',
    title: 'reach bpf, perf, io_uring, userfaultfd, keyctl, add_key, kexec, open_by_handle_at',
    oracle: 'an errno other than EPERM, EACCES and ENOSYS',
    mend: SANDBOX,
    attempt: (site) => tryScripts(site, [kernelCall('system calls', 'reachable')]),
  },
  {
    id: 'B16',
    title: 'make a device node',
    oracle: 'the node is there',
    mend: SANDBOX,
    attempt: (site) =>
      tryScripts(site, [
        {
          name: 'mknod',
          cmd: 'mknod blk b 7 0 2>/dev/null; [ -b blk ] && echo LEAK a block device; mknod chr c 1 3 2>/dev/null; [ -c chr ] && echo LEAK a character device; rm blk chr 2>/dev/null; echo TRIED',
        },
      ]),
  },
  {
    id: 'B17',
    title: 'open a raw disk, the memory or the kernel log',
    oracle: 'it opens',
    mend: SANDBOX,
    attempt: openDevices,
  },
  {
    id: 'B18',
    title: 'gain by a set-user-id program',
    oracle: 'a process of another user runs',
    mend: SANDBOX,
    attempt: gainBySetuid,
  },
  {
    id: 'B19',
    title: 'type into the terminal with TIOCSTI, TIOCLINUX',
    oracle: 'the call succeeds',
    mend: SANDBOX,
    attempt: (site) => tryScripts(site, [{ ...kernelCall('ioctl', 'tty'), options: { tty: true } }]),
  },
  {
    id: 'B20',
    title: 'leave by a control group: release_agent, a group of its own',
    oracle: 'it opens for writing, or the group is made',
    mend: SANDBOX,
    attempt: writeControlGroup,
  },
];

function openDevices(site: Site): Promise<readonly Try[]> {
  const disks = readFileSync('/proc/partitions', 'utf8')
    .split('\n')
    .flatMap((line) => /\s([a-z]\S*)$/.exec(line)?.[1] ?? [])
    .slice(0, 4);
  const devices = [...disks, 'mem', 'kmsg', 'port'].filter((name) => readdirSync('/dev').includes(name));
  if (devices.length === 0) return Promise.resolve([inapplicable('devices', 'this machine has none in /dev')]);
  const list = devices.map((name) => quoted(`/dev/${name}`)).join(' ');
  return tryScripts(site, [
    { name: 'reading', cmd: `for d in ${list}; do ( exec 3<"$d" ) 2>/dev/null && echo "LEAK $d"; done; echo TRIED` },
  ]);
}

/** Root makes such a program of another user; anybody else looks at one of root's while it asks for a password. */
async function gainBySetuid(site: Site): Promise<readonly Try[]> {
  const made = await tryScript(site, {
    name: 'one that it makes',
    cmd: 'cp "$(command -v id)" sid && chown 65534 sid 2>/dev/null && chmod 4755 sid && [ "$(./sid -u)" = 65534 ] && [ "$(id -u)" != 65534 ] && echo LEAK it ran as another user; rm sid 2>/dev/null; echo TRIED',
  });
  if (process.getuid?.() === 0) return [made];
  const asked = await tryScript(site, {
    name: 'passwd',
    cmd: 'passwd & p=$!; sleep 0.5; while read -r k r e s f; do [ "$k" = Uid: ] && [ "$r" != "$e" ] && echo "LEAK it runs as user $e"; done < /proc/$p/status; kill $p 2>/dev/null; echo TRIED',
    needs: ['passwd'],
    options: { tty: true },
  });
  return [made, asked];
}

function writeControlGroup(site: Site): Promise<readonly Try[]> {
  const name = `agentbox-attack-${site.run}`;
  const each = 'while read -r a b c d dir rest; do case "$rest" in *" - cgroup"*)';
  return tryScripts(site, [
    {
      name: 'release_agent',
      cmd: `${each} ( : >> "$dir/release_agent" ) 2>/dev/null && echo "LEAK $dir/release_agent opens" ;; esac; done < /proc/self/mountinfo; echo TRIED`,
    },
    {
      name: 'a new group',
      cmd: `${each} mkdir "$dir/${name}" 2>/dev/null && echo "LEAK a group in $dir" && rmdir "$dir/${name}" ;; esac; done < /proc/self/mountinfo; echo TRIED`,
    },
  ]);
}
