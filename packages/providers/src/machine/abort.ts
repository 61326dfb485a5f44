/** Waits for work or for the caller to let go, whichever comes first. */

export type Aborted = { readonly kind: 'aborted'; readonly why: 'cancelled' | 'disconnected' };

export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | Aborted> {
  if (signal.aborted) {
    work.catch(() => undefined);
    return abortedBy(signal);
  }
  const stop = new AbortController();
  const aborted = new Promise<Aborted>((resolve) => {
    signal.addEventListener('abort', () => resolve(abortedBy(signal)), { once: true, signal: stop.signal });
  });
  try {
    return await Promise.race([work.catch((fault: unknown) => rethrowUnless(signal, fault)), aborted]);
  } finally {
    stop.abort();
  }
}

/** The work that was let go may fail for that very reason. */
function rethrowUnless(signal: AbortSignal, fault: unknown): Aborted {
  if (signal.aborted) return abortedBy(signal);
  throw fault;
}

export function abortedBy(signal: AbortSignal): Aborted {
  return { kind: 'aborted', why: signal.reason === 'disconnected' ? 'disconnected' : 'cancelled' };
}

export function isAborted(value: object): value is Aborted {
  return 'kind' in value && value.kind === 'aborted';
}
