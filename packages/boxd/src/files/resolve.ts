/**
 * Where a path really leads: every link of its folders followed, the last part kept apart from what it links to.
 * Nothing is opened here; what is found is checked again when it is used.
 */
import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MAX_LINKS } from './limits.ts';
import { expectErrno } from './system-error.ts';

export interface Resolved {
  /** absolute, `.` and `..` taken out of the text */
  readonly display: string;
  readonly name: string;
  readonly target: string;
  /** the first folder on the way that is something else */
  readonly blockedBy: string | null;
  /** errno that stopped the search, such as ELOOP or EACCES */
  readonly fault: string | null;
}

interface Folder {
  readonly path: string;
  readonly blockedBy: string | null;
  readonly fault: string | null;
}

/** Looks at each folder once. Made anew for each look at the disk, because what it remembers may change meanwhile. */
export class Paths {
  readonly #folders = new Map<string, Folder>();

  resolve(cwd: string, path: string): Resolved {
    const display = resolve(cwd, path);
    if (display === '/') return { display, name: '/', target: '/', blockedBy: null, fault: null };
    const folder = this.#folder(dirname(display));
    const name = join(folder.path, basename(display));
    if (folder.fault !== null || folder.blockedBy !== null) {
      return { display, name, target: name, blockedBy: folder.blockedBy, fault: folder.fault };
    }
    return { display, name, ...this.#follow(name) };
  }

  /** The real path of a folder, of which the last parts need not exist. */
  #folder(path: string): Folder {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const found = this.#lookAt(path);
    this.#folders.set(path, found);
    return found;
  }

  #lookAt(path: string): Folder {
    try {
      const real = realpathSync.native(path);
      const isFolder = lstatSync(real).isDirectory();
      return { path: real, blockedBy: isFolder ? null : real, fault: null };
    } catch (fault) {
      const code = expectErrno(fault);
      const parent = dirname(path);
      if (parent === path) return { path, blockedBy: null, fault: code };
      const above = this.#folder(parent);
      const here = join(above.path, basename(path));
      if (above.fault !== null || above.blockedBy !== null) return { ...above, path: here };
      if (code === 'ENOENT' || code === 'ENOTDIR') return folderThroughLink(here);
      return { path: here, blockedBy: null, fault: code };
    }
  }

  /** Follows the links of the last part by hand, because what they lead to need not exist. */
  #follow(name: string): Pick<Resolved, 'target' | 'fault' | 'blockedBy'> {
    let at = name;
    for (let step = 0; step < MAX_LINKS; step += 1) {
      const link = linkAt(at);
      if (link.kind === 'plain') return { target: at, fault: link.fault, blockedBy: null };
      const next = resolve(dirname(at), link.to);
      const folder = this.#folder(dirname(next));
      at = next === '/' ? next : join(folder.path, basename(next));
      if (folder.fault !== null || folder.blockedBy !== null)
        return { target: at, fault: folder.fault, blockedBy: folder.blockedBy };
    }
    return { target: at, fault: 'ELOOP', blockedBy: null };
  }
}

/** A folder name that does not exist, or is a link to something that does not. */
function folderThroughLink(path: string): Folder {
  return { path, blockedBy: linkAt(path).kind === 'link' ? path : null, fault: null };
}

type LinkAt =
  | { readonly kind: 'link'; readonly to: string }
  | { readonly kind: 'plain'; readonly fault: string | null };

/** Where a link leads; of anything else, the errno that looking at it gave. */
function linkAt(path: string): LinkAt {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() !== true) return { kind: 'plain', fault: null };
    return { kind: 'link', to: readlinkSync(path) };
  } catch (fault) {
    const code = expectErrno(fault);
    // Taken away or replaced between the two calls: what is there now is found out when it is used.
    return { kind: 'plain', fault: ['EINVAL', 'ENOENT', 'ENOTDIR'].includes(code) ? null : code };
  }
}

export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
