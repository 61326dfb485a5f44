/**
 * No package may need an install script: `npm ci --ignore-scripts` gives a working product. Versions stand in the root
 * only, and each serves a room that declares it.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { listFiles } from './files.ts';

const Lock = z.object({
  packages: z.record(z.string(), z.object({ hasInstallScript: z.boolean().optional() })),
});

/** Packages whose script is only a fallback: the binary comes as an optional dependency. */
const NEEDLESS_SCRIPT: ReadonlySet<string> = new Set(['node_modules/esbuild', 'node_modules/koffi']);

const Manifest = z.object({ dependencies: z.record(z.string(), z.string()).optional() });

async function dependenciesOf(root: string, folder: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(join(root, folder, 'package.json'), 'utf8');
  return Manifest.parse(JSON.parse(text)).dependencies ?? {};
}

export async function checkVersions(root: string): Promise<readonly string[]> {
  const rooms = (await listFiles(root)).filter((path) => /^packages\/.*package\.json$/.test(path)).map(dirname);
  const declared = new Map<string, string>();
  const found: string[] = [];
  for (const room of rooms) {
    for (const [name, version] of Object.entries(await dependenciesOf(root, room))) {
      declared.set(name, room);
      if (version !== '*') found.push(`${room}/package.json: the version of ${name} stands in the root only`);
    }
  }
  for (const [name, version] of Object.entries(await dependenciesOf(root, '.'))) {
    if (!declared.has(name)) found.push(`package.json: no room declares ${name}`);
    if (!/^\d+\.\d+\.\d+/.test(version)) found.push(`package.json: ${name} has no exact version: ${version}`);
  }
  return found;
}

export async function checkScripts(root: string): Promise<readonly string[]> {
  const lock = Lock.parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
  return Object.entries(lock.packages)
    .filter(([path, entry]) => entry.hasInstallScript === true && !NEEDLESS_SCRIPT.has(path))
    .map(([path]) => `${path} has an install script: choose a package that works without one`);
}
