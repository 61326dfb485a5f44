/** Where the daemon of a home listens, and the key that opens it. Read anew for each attempt: a restart changes both. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

export interface BoxAddress {
  readonly socketPath: string;
  readonly key: string;
  /** of the daemon that announced itself last; 0 where only the socket is known */
  readonly pid: number;
}

const runFile = z.object({ socketPath: z.string(), pid: z.number().int().positive() });

/** undefined while no daemon of this home has announced itself. */
export function readAddress(home: string, socketPath?: string): BoxAddress | undefined {
  const run = path.join(home, 'run');
  try {
    const key = readFileSync(path.join(run, 'boxd.key'), 'utf8').trim();
    if (socketPath !== undefined) return { socketPath, key, pid: 0 };
    const announced = runFile.parse(JSON.parse(readFileSync(path.join(run, 'boxd.json'), 'utf8')));
    return { ...announced, key };
  } catch {
    return undefined;
  }
}
