/** A wait with an end: null when the time is up or whoever waits is gone. The work hears of it by its signal. */
export async function within<T>(
  ms: number,
  gone: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const inner = new AbortController();
  const { promise: ended, resolve } = Promise.withResolvers<null>();
  const end = (): void => {
    inner.abort();
    resolve(null);
  };
  if (gone.aborted) return null;
  const timer = setTimeout(end, ms);
  gone.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([ended, work(inner.signal)]);
  } finally {
    clearTimeout(timer);
    gone.removeEventListener('abort', end);
  }
}
