/** Which process listens on a TCP port, as far as /proc lets this user see. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortOwner {
  readonly pid: number;
  readonly command: string;
}

const LISTEN = '0A';

export function portOwner(port: number): PortOwner | undefined {
  const sockets = listeningInodes(port);
  if (sockets.size === 0) return undefined;
  for (const name of entriesOf('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    for (const fd of entriesOf(`/proc/${name}/fd`)) {
      const target = linkOf(`/proc/${name}/fd/${fd}`);
      if (target !== undefined && sockets.has(target)) return { pid: Number(name), command: commandOf(name) };
    }
  }
  return undefined;
}

function listeningInodes(port: number): ReadonlySet<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of textOf(table).split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hex}`) === true && fields[3] === LISTEN) inodes.add(`socket:[${fields[9]}]`);
    }
  }
  return inodes;
}

function commandOf(pid: string): string {
  return textOf(`/proc/${pid}/cmdline`).split('\0').join(' ').trim().slice(0, 80);
}

function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
