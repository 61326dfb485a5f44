/**
 * Finds the user's own tools: known folders of the real home, and directories of the search path outside the system.
 * Only known names are shown, a file only when it holds nothing that looks like a secret, and nothing of the search
 * path unless it is a folder of programs by its name.
 */
import { type Dirent, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { isInside } from '../paths.ts';
import type { Shown } from './facts.ts';
import { changeTime, lookAt } from './look.ts';

/** Folders of version managers, compilers and programs. None of them is where a program keeps its logins. */
const TOOL_FOLDERS = [
  '.local/bin',
  '.local/lib',
  '.local/pipx',
  '.local/share/fnm',
  '.local/share/mise',
  '.local/share/pipx',
  '.local/share/pnpm',
  '.local/share/uv/python',
  '.local/share/uv/tools',
  '.asdf',
  '.bun/bin',
  '.cargo/bin',
  '.deno/bin',
  '.dotnet/host',
  '.dotnet/sdk',
  '.dotnet/shared',
  '.dotnet/tools',
  '.fnm',
  '.ghcup/bin',
  '.juliaup/bin',
  '.nodenv',
  '.npm-global',
  '.nvm',
  '.opam',
  '.pyenv',
  '.rbenv',
  '.rustup',
  '.rye/shims',
  '.sdkman',
  '.volta',
  '.yarn/bin',
  'bin',
  'go/bin',
];

/** Files that shape a shell or a tool. People also write tokens into them: such a file is left out. */
const TOOL_FILES = [
  '.bash_aliases',
  '.bash_profile',
  '.bashrc',
  '.cargo/config.toml',
  '.cargo/env',
  '.config/git/attributes',
  '.config/git/config',
  '.config/git/ignore',
  '.config/pip/pip.conf',
  '.dotnet/dotnet',
  '.gitconfig',
  '.gitignore_global',
  '.inputrc',
  '.profile',
  '.python-version',
  '.tool-versions',
  '.zprofile',
  '.zshenv',
  '.zshrc',
];

/** An assignment to a name of a secret, a login in a URL, a header, or a key. */
const LOOKS_SECRET =
  /(?:token|secret|passw(?:or)?d|passwd|api_?key|access_?key|credential|auth)\w*\s*[=:]\s*\S|extraheader|:\/\/[^\s/@]+@|-----begin/i;
const FILE_BYTES = 256 * 1024;

const PROGRAM_FOLDERS = new Set(['bin', 'sbin', 'shims', '.bin', 'games', 'scripts', 'condabin']);
/** What the programs of a `bin` folder need of their neighbours. */
const NEIGHBOURS = ['lib', 'lib64', 'libexec', 'include', 'share'];
/** Program links followed out of one folder of the search path. */
const LINK_LIMIT = 32;

const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/opt', '/nix', '/gnu', '/etc'];
const NEVER = ['/proc', '/sys', '/dev', '/run', '/boot'];

/** Changes whenever one of the files does that are shown for holding no secret. */
export const toolFileTimes = (realHome: string): string =>
  TOOL_FILES.map((name) => changeTime(path.join(realHome, name))).join(' ');

export function observeTools(realHome: string, searchPath: string): readonly Shown[] {
  const shown = new Map<string, Shown>();
  const add = (item: Shown): void => {
    if (![...shown.values()].some((other) => isInside(other.path, item.path))) shown.set(item.path, item);
  };
  for (const name of TOOL_FOLDERS) for (const item of toolAt(path.join(realHome, name), 'directory')) add(item);
  for (const name of TOOL_FILES) for (const item of toolAt(path.join(realHome, name), 'file')) add(item);
  for (const folder of new Set(searchPath.split(':'))) {
    for (const item of programFolder(folder)) if (!isSystem(item.source)) add(item);
  }
  return [...shown.values()];
}

/** A link is shown at its own name with the content that it leads to. */
function toolAt(at: string, kind: 'directory' | 'file'): readonly Shown[] {
  const source = canonical(at);
  if (source === null || NEVER.some((one) => isInside(one, source))) return [];
  const stats = statSync(source);
  if (kind === 'directory') return stats.isDirectory() && isToolPlace(at, source) ? [{ source, path: at }] : [];
  return stats.isFile() && stats.size <= FILE_BYTES && !LOOKS_SECRET.test(textOf(source)) ? [{ source, path: at }] : [];
}

/** A tool folder that is a link into somewhere else of the home could show anything: only its own name is believed. */
function isToolPlace(at: string, source: string): boolean {
  return at === source || isSystem(source) || path.basename(source) === path.basename(at);
}

function programFolder(folder: string): readonly Shown[] {
  const source = path.isAbsolute(folder) ? canonical(folder) : null;
  if (source === null || !isProgramFolder(source)) return [];
  const beside = path.basename(source) === 'bin' ? neighboursOf(source) : [];
  return [{ source, path: source }, ...beside, ...linkedPrograms(source)];
}

const isProgramFolder = (source: string): boolean =>
  PROGRAM_FOLDERS.has(path.basename(source).toLowerCase()) && !NEVER.some((one) => isInside(one, source));

function neighboursOf(folder: string): readonly Shown[] {
  const parent = path.dirname(folder);
  // Beside /home/me/bin or /bin the neighbours are no part of a tool.
  if (parent.split('/').length <= 2 || path.dirname(parent) === '/home') return [];
  return NEIGHBOURS.flatMap((name) => {
    const at = path.join(parent, name);
    const stats = lookAt(at);
    return stats !== undefined && stats !== 'blocked' && stats.isDirectory() ? [{ source: at, path: at }] : [];
  });
}

/** Programs that are links out of their folder: what they lead to, with its own folder when that is one of programs. */
function linkedPrograms(folder: string): readonly Shown[] {
  const found = new Map<string, Shown>();
  for (const entry of entriesOf(folder)) {
    if (!entry.isSymbolicLink() || found.size >= LINK_LIMIT) continue;
    const target = canonical(path.join(folder, entry.name));
    if (target === null || isInside(folder, target) || isSystem(target)) continue;
    const parent = path.dirname(target);
    const items = isProgramFolder(parent)
      ? [{ source: parent, path: parent }, ...neighboursOf(parent)]
      : [{ source: target, path: target }];
    for (const item of items) found.set(item.path, item);
  }
  return [...found.values()];
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

const isSystem = (at: string): boolean => SYSTEM.some((one) => isInside(one, at));

function canonical(at: string): string | null {
  try {
    return realpathSync.native(at);
  } catch {
    return null;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A file that cannot be judged is not shown.
    return 'secret=unreadable';
  }
}
