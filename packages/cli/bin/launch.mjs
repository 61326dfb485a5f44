/**
 * Starts the bundle in dist/. In a checkout it first rebuilds the bundle when a source file is newer than it; compiled
 * code is kept in the user's cache, so that the next start reads it instead of compiling again.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..', '..', '..');
const bundle = join(root, 'dist', 'cli.mjs');
const builder = join(root, 'scripts', 'tasks', 'build.ts');

/** Folders count as well: a deleted or renamed file changes nothing else. */
function newestUnder(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  let newest = stat.mtimeMs;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory() || entry.isFile()) newest = Math.max(newest, newestUnder(join(path, entry.name)));
  }
  return newest;
}

function isStale() {
  const built = statSync(join(root, 'dist', '.built'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(join(root, 'packages')).map((room) => join(root, 'packages', room, 'src'));
  const others = [join(root, 'packages', 'boxd', 'client', 'src'), join(root, 'package-lock.json'), builder];
  return [...sources, ...others].some((path) => newestUnder(path) > built);
}

/** Who may not write here runs what was built last. */
function mayBuild() {
  try {
    accessSync(existsSync(join(root, 'dist')) ? join(root, 'dist') : root, constants.W_OK);
    return true;
  } catch {
    return !existsSync(bundle);
  }
}

/** In a process of its own: a server that carried the bundler would stay large. */
function rebuild() {
  const { status } = spawnSync(process.execPath, [builder], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) process.exit(1);
}

if (existsSync(builder) && existsSync(join(root, 'packages', 'server', 'src')) && isStale() && mayBuild()) rebuild();
/** npm puts folders of its own before PATH; commands in a box must find the programs that their user finds. */
function withoutFoldersOfNpm(path) {
  return path
    .split(':')
    .filter((folder) => !/\/node_modules\/\.bin$|\/node-gyp-bin$/.test(folder))
    .join(':');
}

if (process.env.npm_execpath !== undefined && process.env.PATH !== undefined) {
  process.env.PATH = withoutFoldersOfNpm(process.env.PATH);
}
const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
enableCompileCache(join(cache, 'agentbox', 'compile'));
const { main } = await import(pathToFileURL(bundle).href);
await main(process.argv.slice(2), root);
