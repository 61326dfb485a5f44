/**
 * Tells watchers what changed. Only the latest state and length of each session are kept, each with the sequence of
 * its last change: a watcher that resumes or was behind hears every session once, never a backlog.
 */
import type { BoxEvent, ExecQuestion, PolicyState, SessionId, SessionState } from '@agentbox/protocol';
import type { EventOutlet } from './connection.ts';

interface Observed {
  readonly facts: { readonly session: SessionId };
  readonly state: SessionState;
  readonly logs: { readonly output: { readonly written: number } };
  readonly questions: readonly ExecQuestion[];
}

/** What of a session can change. */
export type SessionChange = 'state' | 'output' | 'questions';

interface Changes {
  readonly session: Observed;
  state: number;
  output: number;
  questions: number;
}

interface Watcher {
  readonly outlet: EventOutlet;
  through: number;
}

/** ms between two rounds of events; the first after a pause goes out at once, so that a key echoes without delay */
const FLUSH_MS = 3;

export class EventHub {
  readonly #changes = new Map<SessionId, Changes>();
  readonly #watchers = new Set<Watcher>();
  #sequence: number;
  #execs = { sequence: 0, last: 0 };
  #policy: { readonly sequence: number; readonly state: PolicyState } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #flushedAt = Number.NEGATIVE_INFINITY;

  /** `start` is larger than any sequence of a predecessor. */
  constructor(start: number) {
    this.#sequence = start;
  }

  changed(session: Observed, kind: SessionChange): void {
    this.#sequence += 1;
    const id = session.facts.session;
    const changes = this.#changes.get(id) ?? { session, state: 0, output: 0, questions: 0 };
    changes[kind] = this.#sequence;
    this.#changes.set(id, changes);
    this.#schedule();
  }

  /** The log of programs has grown to number `last`. */
  grown(last: number): void {
    this.#sequence += 1;
    this.#execs = { sequence: this.#sequence, last };
    this.#schedule();
  }

  /** Other rules are in force. */
  ruled(state: PolicyState): void {
    this.#sequence += 1;
    this.#policy = { sequence: this.#sequence, state };
    this.#schedule();
  }

  forget(id: SessionId): void {
    this.#changes.delete(id);
  }

  watch(from: number, outlet: EventOutlet): { readonly next: number; close(): void } {
    const watcher: Watcher = { outlet, through: Math.min(from, this.#sequence) };
    this.#watchers.add(watcher);
    this.#schedule();
    return { next: this.#sequence, close: () => void this.#watchers.delete(watcher) };
  }

  #schedule(): void {
    if (this.#watchers.size === 0) return;
    if (this.#timer !== null) return;
    const sinceLast = performance.now() - this.#flushedAt;
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, FLUSH_MS - sinceLast));
  }

  #flush(): void {
    this.#timer = null;
    this.#flushedAt = performance.now();
    let behind = false;
    for (const watcher of this.#watchers) {
      if (!watcher.outlet.ready()) {
        behind = true;
        continue;
      }
      this.#tell(watcher);
    }
    if (behind) this.#schedule();
  }

  #tell(watcher: Watcher): void {
    const due: BoxEvent[] = [];
    const { sequence, last } = this.#execs;
    if (sequence > watcher.through) due.push({ kind: 'execs', sequence, last });
    if (this.#policy !== null && this.#policy.sequence > watcher.through) due.push({ kind: 'policy', ...this.#policy });
    for (const { session, state, output, questions } of this.#changes.values()) {
      const id = session.facts.session;
      if (output > watcher.through) {
        due.push({ kind: 'output', sequence: output, session: id, written: session.logs.output.written });
      }
      if (questions > watcher.through) {
        due.push({ kind: 'questions', sequence: questions, session: id, open: session.questions });
      }
      if (state > watcher.through) due.push({ kind: 'state', sequence: state, session: id, state: session.state });
    }
    due.sort((a, b) => a.sequence - b.sequence);
    for (const event of due) watcher.outlet.send(event);
    watcher.through = this.#sequence;
  }
}
