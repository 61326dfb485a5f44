/**
 * `npm run build`: bundles the product into dist/. Every file is written beside its place and renamed into it, and the
 * chunks of an older build stay for a day: a server that runs from them may still load one.
 */
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { build as bundle, type OutputFile, type Plugin } from 'esbuild';
import { straightImports } from '../build/straight-imports.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DIST = join(ROOT, 'dist');
const CHUNKS = join(DIST, 'chunks');
const CHUNK_KEPT_MS = 24 * 60 * 60 * 1000;

/** What becomes a process or a thread of its own: these names are what compose.ts starts. */
const ENTRIES = {
  cli: 'packages/cli/src/main.ts',
  boxd: 'packages/boxd/src/main.ts',
  'storage-worker': 'packages/storage/src/sqlite/worker.ts',
} as const;

/** CommonJS packages inside an ES module bundle still ask for `require`. */
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);";

/** The schema library brings its messages in sixty languages; the product speaks one. */
const ONE_LANGUAGE: Plugin = {
  name: 'one-language',
  setup: (build) => {
    build.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/**
 * The MCP library brings a compiler of JSON Schemas for servers that name no validator of their own. Ours does, so the
 * compiler would be a seventh of the bundle that never runs.
 */
const NO_SCHEMA_COMPILER: Plugin = {
  name: 'no-schema-compiler',
  setup: (build) => {
    build.onLoad({ filter: /@modelcontextprotocol\/server\/dist\/ajvProvider-[^/]*\.mjs$/ }, () => ({
      contents: "export class n { constructor() { throw new TypeError('a server names its own validator'); } }",
    }));
  },
};

export async function build(): Promise<void> {
  const began = Date.now();
  const result = await bundle({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: DIST,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    sourcemap: 'linked',
    legalComments: 'none',
    minifySyntax: true,
    minifyWhitespace: true,
    external: ['koffi'],
    plugins: [ONE_LANGUAGE, NO_SCHEMA_COMPILER, straightImports(ROOT)],
    banner: { js: REQUIRE },
    logLevel: 'silent',
    write: false,
  });
  await mkdir(CHUNKS, { recursive: true });
  // Chunks before the entries that import them.
  const files = result.outputFiles.toSorted((a, b) => Number(isChunk(b.path)) - Number(isChunk(a.path)));
  for (const file of files) await place(file);
  await dropOldChunks(new Set(files.map((file) => basename(file.path))));
  await writeFile(join(DIST, '.built'), '');
  // A source that is saved while the bundle is made must count as newer.
  await utimes(join(DIST, '.built'), began / 1000, began / 1000);
}

const isChunk = (path: string): boolean => basename(dirname(path)) === 'chunks';

/** Leaves an equal file alone, so that its compiled code stays in the cache. */
async function place(file: OutputFile): Promise<void> {
  const standing = await readFile(file.path).catch(() => null);
  if (standing?.equals(file.contents) === true) return;
  const fresh = `${file.path}.${process.pid}`;
  await writeFile(fresh, file.contents);
  await rename(fresh, file.path);
}

async function dropOldChunks(current: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(CHUNKS)) {
    if (current.has(name)) continue;
    const { mtimeMs } = await stat(join(CHUNKS, name));
    if (Date.now() - mtimeMs > CHUNK_KEPT_MS) await rm(join(CHUNKS, name), { force: true });
  }
}

async function main(): Promise<void> {
  try {
    await build();
  } catch (fault) {
    const said = fault instanceof Error ? fault.message : String(fault);
    process.stderr.write(`agentbox: the sources of this checkout do not build\n  ${said.replaceAll('\n', '\n  ')}\n`);
    process.exitCode = 1;
  }
}

if (import.meta.main) await main();
