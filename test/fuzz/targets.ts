/** The targets that stand in targets/: every export that has a name, seeds and a run. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Target } from './harness.ts';

function isTarget(value: unknown): value is Target {
  if (typeof value !== 'object' || value === null) return false;
  return 'name' in value && typeof value.name === 'string' && 'seeds' in value && 'run' in value;
}

export async function loadTargets(folder = join(import.meta.dirname, 'targets')): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const file of (await readdir(folder)).toSorted()) {
    if (!file.endsWith('.ts')) continue;
    const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(join(folder, file)).href);
    targets.push(...Object.values(module).filter(isTarget));
  }
  return targets;
}
