/**
 * The last text of each file of rules that could be read, kept over restarts of the daemon: what was once in force is
 * not loosened by a mistake that is made while nobody runs. Only this user may write where it is kept.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { LAYERS, type LayeredSource } from '@agentbox/execpolicy';
import { z } from 'zod';

const Kept = z.array(z.object({ name: z.string(), layer: z.enum(LAYERS), text: z.string() }));

/** Empty where nothing was kept, or what was kept cannot be understood. */
export function readLastGood(file: string): readonly LayeredSource[] {
  try {
    return Kept.parse(JSON.parse(readFileSync(file, 'utf8'))).map((one) => ({ ...one, isTrusted: true }));
  } catch {
    return [];
  }
}

export function writeLastGood(file: string, sources: readonly LayeredSource[]): void {
  const kept = sources.map(({ name, layer, text }) => ({ name, layer, text }));
  const fd = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeSync(fd, `${JSON.stringify(kept)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${file}.new`, file);
}
