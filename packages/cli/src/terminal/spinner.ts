/** Says on a terminal that something takes long, and leaves no trace of it. Silent in a pipe. */
import type { Io } from '../io.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;
/** what is quicker needs no spinner */
const PATIENCE_MS = 250;

export interface Spinner {
  stop(): void;
}

export function spinOn(io: Io, text: string): Spinner {
  if (!io.stderr.isTTY) return { stop: () => undefined };
  const began = Date.now();
  let isShown = false;
  const timer = setInterval(() => {
    const elapsed = Date.now() - began;
    if (elapsed < PATIENCE_MS) return;
    isShown = true;
    io.stderr.write(`\r  ${FRAMES[Math.floor(elapsed / FRAME_MS) % FRAMES.length]} ${text}\u001B[K`);
  }, FRAME_MS);
  return {
    stop: () => {
      clearInterval(timer);
      if (isShown) io.stderr.write('\r\u001B[K');
    },
  };
}
