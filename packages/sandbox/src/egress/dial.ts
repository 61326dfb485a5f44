/** Connects to the first of several checked addresses that answers, one after the other, each recorded first. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { EgressLimits } from './limits.ts';
import { within } from './within.ts';

export interface Dialling {
  readonly attempts: readonly string[];
  readonly port: number;
  readonly limits: Pick<EgressLimits, 'connectMs' | 'attemptMs'>;
  readonly dial: (address: string, port: number) => Socket;
  /** false: there must be no connection */
  readonly before: (address: string) => boolean;
}

export type Dialled =
  | { readonly kind: 'open'; readonly socket: Socket }
  | { readonly kind: 'failed'; readonly why: 'late' | 'unreachable' | 'unrecorded' };

export async function connectTo(dialling: Dialling, gone: AbortSignal): Promise<Dialled> {
  const { attempts, port, limits, dial, before } = dialling;
  const end = performance.now() + limits.connectMs;
  let why: 'late' | 'unreachable' = 'unreachable';
  for (const [index, address] of attempts.entries()) {
    const left = end - performance.now();
    if (left <= 0 || gone.aborted) return { kind: 'failed', why: 'late' };
    if (!before(address)) return { kind: 'failed', why: 'unrecorded' };
    const ms = index + 1 < attempts.length ? Math.min(left, limits.attemptMs) : left;
    const tried = await attempt(dial(address, port), ms, gone);
    if (typeof tried !== 'string') return { kind: 'open', socket: tried };
    why = tried;
  }
  return { kind: 'failed', why };
}

async function attempt(socket: Socket, ms: number, gone: AbortSignal): Promise<Socket | 'late' | 'unreachable'> {
  // A socket that fails after it is given up has nobody else to hear of it.
  socket.on('error', () => {});
  const connected = await within(ms, gone, async (signal) => {
    try {
      await once(socket, 'connect', { signal });
      return true;
    } catch {
      return false;
    }
  });
  if (connected === true) return socket;
  socket.destroy();
  return connected === null ? 'late' : 'unreachable';
}
