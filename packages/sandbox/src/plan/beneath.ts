/**
 * Names in directories that running commands may write, reached one by one from descriptors: a link on the way, put
 * there at whatever moment, is an error and never followed.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** a directory as a place, whether or not it can be read */
const O_PATH = 0o10000000;
const FOLDER = O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY;

/** `act` is given a path to use at once, whose directory is held open. */
export function inFolderOf<T>(at: string, act: (path: string) => T): T {
  const [names, last] = [namesOf(path.dirname(at)), path.basename(at)];
  return within('/', names, (folder) => act(`${folder}/${last}`));
}

/**
 * Makes a place to mount on below `root`, with all that is missing on the way. What is there and cannot be passed, a
 * link or a file, is moved aside: it is a command's, and nothing of this machine.
 */
export function makePlace(root: string, names: readonly string[], kind: 'directory' | 'file'): void {
  const last = names.at(-1);
  if (last === undefined) return;
  within(root, [], (start) => descend(start, names.slice(0, -1), (folder) => settle(`${folder}/${last}`, kind)));
}

function descend(folder: string, names: readonly string[], act: (folder: string) => void): void {
  const [first, ...rest] = names;
  if (first === undefined) return act(folder);
  settle(`${folder}/${first}`, 'directory');
  within(folder, [first], (below) => descend(below, rest, act));
}

function settle(at: string, kind: 'directory' | 'file'): void {
  if (isThere(at, kind)) return;
  try {
    renameSync(at, `${at}.moved-aside-${process.hrtime.bigint()}`);
  } catch {
    // Nothing is there.
  }
  if (kind === 'directory') mkdirSync(at);
  else writeFileSync(at, '', { flag: 'wx' });
}

function isThere(at: string, kind: 'directory' | 'file'): boolean {
  try {
    const fd = openSync(at, kind === 'directory' ? FOLDER : O_PATH | constants.O_NOFOLLOW);
    const stats = fstatSync(fd);
    closeSync(fd);
    return kind === 'directory' || stats.isFile();
  } catch {
    return false;
  }
}

/** Each name is looked up in the descriptor of the one before. */
function within<T>(root: string, names: readonly string[], act: (folder: string) => T): T {
  // A descriptor is a link in /proc: the dot is what it leads to.
  let fd = openSync(`${root}/.`, FOLDER);
  try {
    for (const name of names) {
      const next = openSync(`/proc/self/fd/${fd}/${name}`, FOLDER);
      closeSync(fd);
      fd = next;
    }
    return act(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

const namesOf = (folder: string): readonly string[] => folder.split('/').filter((name) => name !== '');
