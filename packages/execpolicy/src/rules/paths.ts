/** Paths without a look at the disk: `~` and relative paths resolved, `.`, `..` and doubled slashes taken away. */

/** Where a command starts. Null: not known, and what depends on it matches no path. */
export interface Place {
  readonly cwd: string | null;
  readonly home: string | null;
}

export const NOWHERE: Place = { cwd: null, home: null };

/** The absolute path that `path` means at `place`. */
export function absolutePath(path: string, place: Place): string | null {
  if (path.startsWith('/')) return normalPath(path);
  if (path === '~' || path.startsWith('~/'))
    return place.home === null ? null : normalPath(`${place.home}/${path.slice(1)}`);
  return place.cwd === null ? null : normalPath(`${place.cwd}/${path}`);
}

export function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The last part of a path, null where it names no file: `/`, `..`, nothing. */
export function baseName(path: string): string | null {
  const parts = path.split('/').filter((part, index) => part !== '' && (part !== '.' || index === 0));
  const last = parts.at(-1);
  return last === undefined || last === '..' || last === '.' ? null : last;
}
