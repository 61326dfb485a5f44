/** The port over this machine's file system. */
import { constants, watch as watchFolder } from 'node:fs';
import { type FileHandle, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import type { FileFacts, FolderEntry, ReadResult, SkillFiles } from './skill-files.ts';

export const nodeSkillFiles: SkillFiles = {
  async entries(folder) {
    const found = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
    if (found === undefined) return undefined;
    const entries = found.map((entry): FolderEntry => ({ name: entry.name, kind: kindOf(entry) }));
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  },

  async facts(path): Promise<FileFacts | undefined> {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    if (found === undefined) return undefined;
    const id = `${found.dev}:${found.ino}`;
    const version = `${id}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
    return { kind: plainKind(found), size: Number(found.size), id, version };
  },

  realPath: (path) => realpath(path).catch(() => undefined),

  async read(path, insideRealPath, maxBytes) {
    // without O_NONBLOCK, opening a fifo would wait for its writer
    const opened = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((fault: unknown) => codeOf(fault));
    if (typeof opened === 'string') return refusal(opened);
    await using handle = opened;
    return await readOpen(handle, insideRealPath, maxBytes).catch((fault: unknown) => refusal(codeOf(fault)));
  },

  watch(folder, onChange, onFault) {
    try {
      const watcher = watchFolder(folder, { persistent: false });
      watcher.on('change', (_, name) => onChange(typeof name === 'string' ? name : null));
      watcher.on('error', onFault);
      return { [Symbol.dispose]: () => watcher.close() };
    } catch {
      return undefined;
    }
  },
};

/** Judges the open file by where it really is: between a check of the path and the open, a link can change. */
async function readOpen(handle: FileHandle, insideRealPath: string, maxBytes: number): Promise<ReadResult> {
  const target = await readlink(`/proc/self/fd/${handle.fd}`);
  if (!target.startsWith(insideRealPath.endsWith(sep) ? insideRealPath : insideRealPath + sep)) {
    return { kind: 'outside', target };
  }
  const facts = await handle.stat();
  if (!facts.isFile()) return { kind: 'not-a-file' };
  const bytes = Buffer.alloc(Math.min(maxBytes, facts.size));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return { kind: 'read', bytes: bytes.subarray(0, filled), size: facts.size };
}

interface Kinds {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

function kindOf(entry: Kinds): FolderEntry['kind'] {
  return entry.isSymbolicLink() ? 'link' : plainKind(entry);
}

function plainKind(entry: Kinds): FileFacts['kind'] {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'folder' : 'other';
}

function codeOf(fault: unknown): string {
  return fault instanceof Error && 'code' in fault && typeof fault.code === 'string' ? fault.code : 'EIO';
}

function refusal(code: string): ReadResult {
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' };
  if (code === 'EISDIR' || code === 'ENXIO') return { kind: 'not-a-file' };
  return { kind: 'unreadable', cause: code };
}
