/**
 * Adds the one line that an answer for always stands for. One writer at a time, by a kernel lock that ends with the
 * process that holds it; the line is on the disk before anybody is told of it.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { amendPrefix, baseName, evaluate, loadRules, PLAIN_FACTS } from '@agentbox/execpolicy';
import type { ExecEntry } from '@agentbox/protocol';
import { codeOf } from './sources.ts';

export type Amended =
  | {
      /** `present`: the file says so already */
      readonly kind: 'written' | 'present';
      readonly file: string;
      readonly line: number;
      readonly text: string;
    }
  | { readonly kind: 'refused'; readonly reason: string };

export type Preview =
  /** `matched`: so many of the past programs the rule speaks of */
  | { readonly kind: 'rule'; readonly text: string; readonly matched: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** The kernel's advisory lock of a whole file; 0 when it was got. */
export type Flock = (fd: number, operation: number) => number;

const LOCK_EXCLUSIVE_NOW = 2 | 4;
const LOCK_WAIT_MS = 3000;
const LOCK_RETRY_MS = 20;
const CREATED_MODE = 0o600;

export async function amendFile(file: string, prefix: readonly string[], flock: Flock): Promise<Amended> {
  const wanted = amendPrefix('', prefix);
  if (wanted.kind === 'refused') return wanted;
  try {
    const fd = await openLocked(file, flock);
    if (fd === null) return { kind: 'refused', reason: `${file} is locked by somebody else` };
    try {
      return addLine(fd, file, prefix);
    } finally {
      closeSync(fd);
    }
  } catch (fault) {
    return { kind: 'refused', reason: `${file} cannot be written (${codeOf(fault)})` };
  }
}

export function previewRule(prefix: readonly string[], past: readonly ExecEntry[]): Preview {
  const wanted = amendPrefix('', prefix);
  if (wanted.kind === 'refused') return wanted;
  const read = loadRules([{ name: 'preview', layer: 'user', text: wanted.line }]);
  if (read.kind === 'refused') return { kind: 'refused', reason: read.problem.message };
  const speaksOf = (words: readonly string[]): boolean => evaluate(read.policy, words, PLAIN_FACTS).decision !== null;
  const matched = past.filter(({ what }) => {
    if (what.kind !== 'exec') return false;
    const rest = what.argv.slice(1);
    return [what.file, baseName(what.file) ?? '', baseName(what.argv[0] ?? '') ?? ''].some((name) =>
      speaksOf([name, ...rest]),
    );
  });
  return { kind: 'rule', text: wanted.line, matched: matched.length };
}

/** The file itself is locked, as Codex does; one that was renamed over meanwhile is another file. */
async function openLocked(file: string, flock: Flock): Promise<number | null> {
  const until = performance.now() + LOCK_WAIT_MS;
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  while (performance.now() < until) {
    const flags =
      constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const fd = openSync(file, flags, CREATED_MODE);
    if (flock(fd, LOCK_EXCLUSIVE_NOW) === 0 && isStill(file, fd)) return fd;
    closeSync(fd);
    await sleep(LOCK_RETRY_MS);
  }
  return null;
}

function isStill(file: string, fd: number): boolean {
  const [named, held] = [lstatSync(file, { throwIfNoEntry: false }), fstatSync(fd)];
  return named !== undefined && named.ino === held.ino && named.dev === held.dev;
}

function addLine(fd: number, file: string, prefix: readonly string[]): Amended {
  if (!fstatSync(fd).isFile()) return { kind: 'refused', reason: `${file} is no regular file` };
  const before = readFileSync(fd, 'utf8');
  const amendment = amendPrefix(before, prefix);
  if (amendment.kind === 'refused') return amendment;
  const { line } = amendment;
  if (amendment.kind === 'present') return { kind: 'present', file, line: lineOf(before, line), text: line };
  append(fd, amendment.text);
  syncDirectory(path.dirname(file));
  return { kind: 'written', file, line: lineOf(before + amendment.text, line), text: line };
}

const lineOf = (text: string, line: string): number => text.split('\n').lastIndexOf(line) + 1;

/** All of it or nothing: half a line would keep the whole file from being read. */
function append(fd: number, text: string): void {
  const { size } = fstatSync(fd);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } catch (fault) {
    ftruncateSync(fd, size);
    throw fault;
  }
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
