/** One writer at a time for each real path. All paths of a patch are taken in one step, so two patches cannot block each other. */
import { AgentboxError } from '@agentbox/protocol';
import { MAX_WAITING } from './limits.ts';

interface Line {
  readonly last: Promise<void>;
  readonly waiting: number;
}

export class PathLocks {
  readonly #lines = new Map<string, Line>();

  /** Paths that are taken or waited for. */
  get size(): number {
    return this.#lines.size;
  }

  async run<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
    const all = [...new Set(paths)];
    const busy = all.find((path) => (this.#lines.get(path)?.waiting ?? 0) >= MAX_WAITING);
    if (busy !== undefined) {
      throw new AgentboxError('OVERLOADED', `${MAX_WAITING} patches already wait for ${busy}`, { path: busy });
    }
    const before = all.map((path) => this.#lines.get(path)?.last);
    const turn = Promise.withResolvers<void>();
    for (const path of all) {
      const waiting = (this.#lines.get(path)?.waiting ?? 0) + 1;
      this.#lines.set(path, { last: turn.promise, waiting });
    }
    await Promise.all(before.filter((one) => one !== undefined));
    try {
      return await work();
    } finally {
      for (const path of all) this.#leave(path, turn.promise);
      turn.resolve();
    }
  }

  #leave(path: string, last: Promise<void>): void {
    const line = this.#lines.get(path);
    if (line === undefined || line.last === last) this.#lines.delete(path);
    else this.#lines.set(path, { ...line, waiting: line.waiting - 1 });
  }
}
