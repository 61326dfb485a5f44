/**
 * The event streams that clients hold over HTTP: each ends when its caller's token does, and all of a principal when its
 * tokens or rights change. What a stream carries is not known here.
 */
import { type WatchedBody, watchBody } from './answer.ts';
import type { DoorCaller } from './deps.ts';

export interface OpenStreams {
  /** the same answer, watched; `onEnd` is called once, whoever ended it */
  keep(caller: DoorCaller, response: Response, onEnd?: () => void): Response;
  /** ends the streams of a principal */
  disconnect(principal: string): void;
}

/** The longest time of a timer; a stream that is older is ended as well, and its client comes back. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const isStream = (response: Response): boolean =>
  response.headers.get('content-type')?.startsWith('text/event-stream') === true;

export function createOpenStreams(clock: () => number): OpenStreams {
  const streams = new Map<string, Set<WatchedBody>>();

  function endAt(expiresAt: number | null, end: () => void): NodeJS.Timeout | undefined {
    if (expiresAt === null) return undefined;
    return setTimeout(end, Math.min(Math.max(0, expiresAt - clock()), MAX_TIMER_MS)).unref();
  }

  return {
    keep({ principal: { id }, expiresAt }, response, onEnd) {
      const own = streams.get(id) ?? new Set<WatchedBody>();
      const watched = watchBody(response, () => {
        clearTimeout(timer);
        own.delete(watched);
        if (own.size === 0 && streams.get(id) === own) streams.delete(id);
        onEnd?.();
      });
      const timer = endAt(expiresAt, () => watched.end());
      streams.set(id, own.add(watched));
      return watched.response;
    },
    disconnect(principal) {
      for (const stream of streams.get(principal) ?? []) stream.end();
    },
  };
}
