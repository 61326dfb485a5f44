/** HOME/server.json: what `down`, `status` and `connect` know of the running server. A dead server's file means nothing. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const stateSchema = z.object({
  pid: z.int().positive(),
  /** when the kernel started the process: a pid alone may since belong to somebody else */
  start_ticks: z.string(),
  url: z.string().max(2048),
  boxd_pid: z.int().positive(),
  version: z.string(),
  started_at: z.int(),
});

export interface ServerState extends Readonly<z.output<typeof stateSchema>> {}

export function writeServerState(path: string, state: Omit<ServerState, 'start_ticks'>): void {
  const record = { ...state, start_ticks: startTicks(state.pid) ?? '' };
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeServerState(path: string): void {
  rmSync(path, { force: true });
}

/** The running server of this home, if any. */
export function readServerState(path: string): ServerState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const state = parseState(text);
  return state !== undefined && startTicks(state.pid) === state.start_ticks ? state : undefined;
}

function parseState(text: string): ServerState | undefined {
  try {
    const parsed = stateSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat, counted from the last parenthesis because a program's name may hold anything. */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
