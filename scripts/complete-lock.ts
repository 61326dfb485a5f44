/**
 * Completes package-lock.json with the optional packages of other platforms that a registry mirror does not carry.
 * `npm ci` demands an entry for each of them even where the platform is another one and nothing would be fetched.
 * Run after a change of dependencies: `node scripts/complete-lock.ts`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const Entry = z.looseObject({
  version: z.string().optional(),
  dev: z.boolean().optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});
const Lock = z.looseObject({ packages: z.record(z.string(), Entry) });
type PlatformEntry = z.infer<typeof Entry>;

const SYSTEMS = ['android', 'darwin', 'linux', 'win32', 'freebsd', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'aix'];
const CPUS = ['arm64', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32', 'arm'];

function platformEntry(name: string, version: string, dev: boolean): PlatformEntry {
  const words = name.replace(/^@[^/]+\//, '').split(/[-_/.]/);
  const system = SYSTEMS.find((known) => words.includes(known) || (known === 'win32' && words.includes('windows')));
  const cpu = CPUS.find((known) => words.includes(known));
  const libc = words.find((word) => /^(?:gnu|musl)/.test(word))?.replace(/^(gnu|musl).*/, '$1');
  return {
    version,
    ...(dev ? { dev } : {}),
    optional: true,
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(system === undefined ? {} : { os: [system] }),
    ...(libc === undefined ? {} : { libc: [libc === 'gnu' ? 'glibc' : libc] }),
  };
}

const path = new URL('../package-lock.json', import.meta.url);
const lock = Lock.parse(JSON.parse(await readFile(path, 'utf8')));
const missing = Object.values(lock.packages).flatMap((entry) =>
  Object.entries(entry.optionalDependencies ?? {})
    .filter(([name]) => lock.packages[`node_modules/${name}`] === undefined)
    .map(([name, version]) => [`node_modules/${name}`, platformEntry(name, version, entry.dev === true)] as const),
);
const packages = Object.fromEntries(
  [...Object.entries(lock.packages), ...missing].toSorted(([a], [b]) => (a < b ? -1 : 1)),
);
await writeFile(path, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
console.log(`${missing.length} entries of other platforms added`);
