/**
 * How far each caller has read each session, and how it wants its answers. The box keeps a bookmark of it, from which
 * a restarted server goes on. A forgotten view costs nothing but output that is told again: the log is kept by the box.
 */
import {
  type PrincipalId,
  parseBookmark,
  type QuestionId,
  type SessionId,
  type SessionInfo,
  type SpawnIo,
} from '@agentbox/protocol';
import type { OutputFormat } from './exec-plan.ts';

export interface SessionView {
  /** offset of the first byte that the caller has not been given */
  readonly cursor: number;
  readonly stderrCursor: number;
  readonly format: OutputFormat;
  readonly cwd: string;
  readonly io: SpawnIo;
  /** the last answer told of a prompt that nothing was typed at since: waiting again is waiting for more than that */
  readonly promptTold: boolean;
  /** programs that wait for a person, as the last answer told of them */
  readonly questionsTold: readonly QuestionId[];
  /** refused programs that earlier answers told of */
  readonly deniedTold: number;
  /** ended, and said so to the store */
  readonly closed: boolean;
}

/** views kept; the one used longest ago is forgotten first */
const MAX_VIEWS = 10_000;

export function newView(facts: Pick<SessionInfo, 'cwd' | 'io'>, format: OutputFormat): SessionView {
  return {
    cursor: 0,
    stderrCursor: 0,
    format,
    cwd: facts.cwd,
    io: facts.io,
    promptTold: false,
    questionsTold: [],
    deniedTold: 0,
    closed: false,
  };
}

/** The view that the bookmark tells of; one that reads from the start where there is none, or none that can be so. */
export function viewAt(info: Pick<SessionInfo, 'cwd' | 'io' | 'written' | 'bookmark'>): SessionView {
  const start = newView(info, 'text');
  const left = info.bookmark === null ? undefined : parseBookmark(info.bookmark);
  return left !== undefined && left.cursor <= info.written ? { ...start, ...left } : start;
}

export class SessionViews {
  readonly #views = new Map<string, SessionView>();
  readonly #most: number;

  constructor(most: number = MAX_VIEWS) {
    this.#most = most;
  }

  get size(): number {
    return this.#views.size;
  }

  get(owner: PrincipalId, session: SessionId): SessionView | undefined {
    return this.#views.get(keyOf(owner, session));
  }

  put(owner: PrincipalId, session: SessionId, view: SessionView): void {
    const key = keyOf(owner, session);
    this.#views.delete(key);
    this.#views.set(key, view);
    const oldest = this.#views.keys().next();
    if (this.#views.size > this.#most && oldest.done !== true) this.#views.delete(oldest.value);
  }

  /** Two answers at once may end in either order: the cursor goes forward only. */
  advance(
    owner: PrincipalId,
    session: SessionId,
    to: Pick<SessionView, 'cursor' | 'stderrCursor' | 'promptTold' | 'questionsTold' | 'deniedTold'>,
  ): void {
    const view = this.get(owner, session);
    if (view === undefined) return;
    const cursor = Math.max(view.cursor, to.cursor);
    const stderrCursor = Math.max(view.stderrCursor, to.stderrCursor);
    this.put(owner, session, { ...view, ...to, cursor, stderrCursor });
  }
}

const keyOf = (owner: PrincipalId, session: SessionId): string => `${owner} ${session}`;
