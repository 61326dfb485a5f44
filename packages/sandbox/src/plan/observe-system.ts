/**
 * Looks at the machine's own programs, libraries and configuration: which directories there are, and what in them is
 * not meant for everybody. Inside, uid 0 still owns root's files though it has no capability, so whatever others may
 * not read outside is masked. Answers are kept until a directory changed or some seconds have passed.
 */
import { accessSync, constants, type Dirent, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Mask, SystemFacts, SystemRoot } from './facts.ts';
import { changeTime, lookAt } from './look.ts';

/** Names of `/` with programs, libraries and their data. */
const ROOTS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/etc', '/opt', '/nix', '/gnu'];
/** What package tools know about what is installed, and the state that some programs need to start. */
const STATE = ['dpkg', 'rpm', 'pacman', 'apk', 'alternatives', 'ca-certificates', 'texmf', 'ghc'];

/** Places of secrets below /etc, whatever their modes say. */
const SECRET_ETC = [
  'agentbox',
  'docker',
  'containers',
  'kubernetes',
  'rancher',
  'wireguard',
  'openvpn',
  'ipsec.d',
  'ipsec.secrets',
  'NetworkManager/system-connections',
  'netplan',
  'letsencrypt',
  'krb5.keytab',
  'ssl/private',
  'sudoers',
  'sudoers.d',
  'ssh/ssh_host_ecdsa_key',
  'ssh/ssh_host_ed25519_key',
  'ssh/ssh_host_rsa_key',
  'cloud',
  'systemd/credstore',
  'systemd/credstore.encrypted',
];

/** How deep the masks of a directory are looked for; what is deeper in /opt is the operator's own. */
const DEPTHS: readonly (readonly [string, number])[] = [
  ['/etc', 8],
  ['/opt', 3],
  ['/usr/local', 2],
];
/** more than this many masks under one of them hides it whole */
const MASK_LIMIT = 128;
/** a change of rights alone touches no directory: it is seen after this long */
const FRESH_MS = 60_000;
/** between two looks at the directories' times */
const TRUST_MS = 1000;

interface Kept {
  readonly facts: SystemFacts;
  readonly directories: ReadonlyMap<string, number>;
  readonly lookedAt: number;
  checkedAt: number;
}

export class SystemObserver {
  #kept: Kept | null = null;

  observe(): SystemFacts {
    const now = performance.now();
    if (this.#kept !== null && isFresh(this.#kept, now)) return this.#kept.facts;
    const directories = new Map<string, number>();
    const facts = {
      roots: [...ROOTS.flatMap(rootAt), ...STATE.flatMap((name) => rootAt(`/var/lib/${name}`))],
      masked: DEPTHS.flatMap(([directory, depth]) => masksBelow(directory, depth, directories)),
    };
    this.#kept = { facts, directories, lookedAt: now, checkedAt: now };
    return facts;
  }
}

function isFresh(kept: Kept, now: number): boolean {
  if (now - kept.lookedAt > FRESH_MS) return false;
  if (now - kept.checkedAt < TRUST_MS) return true;
  for (const [directory, changed] of kept.directories) if (changeTime(directory) !== changed) return false;
  kept.checkedAt = now;
  return true;
}

function rootAt(name: string): readonly SystemRoot[] {
  const stats = lookAt(name);
  if (stats === undefined || stats === 'blocked') return [];
  if (stats.isSymbolicLink()) return [{ path: name, link: readlinkSync(name) }];
  return stats.isDirectory() ? [{ path: name, link: null }] : [];
}

function masksBelow(directory: string, depth: number, seen: Map<string, number>): readonly Mask[] {
  const masks: Mask[] = directory === '/etc' ? SECRET_ETC.flatMap((name) => maskAt(path.join('/etc', name))) : [];
  const taken = new Set(masks.map((mask) => mask.path));
  collect(directory, depth, seen, (mask) => {
    if (!taken.has(mask.path)) masks.push(mask);
  });
  return masks.length > MASK_LIMIT ? [{ path: directory, kind: 'directory' }] : masks;
}

function collect(directory: string, depth: number, seen: Map<string, number>, add: (mask: Mask) => void): void {
  seen.set(directory, changeTime(directory));
  for (const entry of entriesOf(directory)) {
    const at = path.join(directory, entry.name);
    if (entry.isSymbolicLink()) continue;
    const stats = lookAt(at);
    if (stats === undefined || stats === 'blocked') continue;
    const needed = entry.isDirectory() ? 0o005 : 0o004;
    if ((stats.mode & needed) !== needed) {
      if ((entry.isDirectory() || stats.size > 0) && isReachable(at))
        add({ path: at, kind: entry.isDirectory() ? 'directory' : 'file' });
    } else if (entry.isDirectory() && depth > 1) collect(at, depth - 1, seen, add);
  }
}

function maskAt(at: string): readonly Mask[] {
  const stats = lookAt(at);
  if (stats === undefined || stats === 'blocked' || stats.isSymbolicLink() || !isReachable(at)) return [];
  return [{ path: at, kind: stats.isDirectory() ? 'directory' : 'file' }];
}

/** What this user cannot read outside, nothing that this user starts can read inside. */
function isReachable(at: string): boolean {
  try {
    accessSync(at, constants.R_OK);
    return true;
  } catch {
    try {
      accessSync(at, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  }
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}
