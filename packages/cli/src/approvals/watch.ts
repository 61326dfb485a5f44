/** `approvals watch`: on a terminal a live list that single keys answer, in a pipe one line for each change. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentboxError, type QuestionAnswer } from '@agentbox/protocol';
import { connectInbox, type InboxQuestion, type InboxView } from '@agentbox/server';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { screenOn } from '../terminal/screen.ts';
import { commandOf, leftOf, outcomeOf } from './card.ts';
import { frameOf } from './watch-frame.ts';
import { EMPTY, pressed, type WatchState, withView } from './watch-state.ts';

export interface WatchOptions {
  /** of the control socket */
  readonly path: string;
  readonly isJson: boolean;
}

const RETRY_MS = 1000;
const TICK_MS = 1000;

export function watch(options: WatchOptions, io: Io): Promise<ExitCode> {
  const isLive = io.stdout.isTTY && io.stdin.isTTY && !options.isJson;
  return isLive ? watchLive(options, io) : watchLines(options, io);
}

/** Each view as it comes, also after a restart of the server; the first connection must stand. Ends with `signal`. */
async function follow(
  path: string,
  signal: AbortSignal,
  show: (view: InboxView) => Promise<void> | void,
): Promise<void> {
  let hasSeen = false;
  while (!signal.aborted) {
    try {
      await using inbox = await connectInbox(path);
      // A request that waits for news ends with its connection.
      const hangUp = (): void => void inbox[Symbol.asyncDispose]();
      signal.addEventListener('abort', hangUp, { once: true });
      for (let version = 0; !signal.aborted; ) {
        const view = await inbox.next(version);
        version = view.version;
        hasSeen = true;
        await show(view);
      }
    } catch (fault) {
      const isAway = fault instanceof AgentboxError && fault.code === 'NOT_RUNNING';
      if (signal.aborted) return;
      if (!hasSeen || !isAway) throw fault;
      await sleep(RETRY_MS);
    }
  }
}

async function watchLines({ path, isJson }: WatchOptions, io: Io): Promise<ExitCode> {
  let known = new Map<InboxQuestion['id'], InboxQuestion>();
  const over = new AbortController();
  io.stdout.once('close', () => over.abort());
  const line = (word: string, question: InboxQuestion, now: number): void => {
    const left = question.state === 'open' ? `  ${leftOf(question, now)} left` : '';
    const text = `${word.padEnd(9)}  ${question.id}  ${JSON.stringify(question.askedByName)}${left}  ${commandOf(question)}`;
    io.stdout.write(`${isJson ? JSON.stringify(question) : text}\n`);
  };
  const show = async (view: InboxView): Promise<void> => {
    const open = new Map(view.questions.map((question) => [question.id, question] as const));
    for (const one of view.questions.toReversed()) if (!known.has(one.id)) line('open', one, view.now);
    const gone = [...known.keys()].filter((id) => !open.has(id));
    known = open;
    if (gone.length === 0) return;
    await using inbox = await connectInbox(path);
    for (const id of gone) for (const one of (await inbox.find(id)).questions) line(outcomeOf(one), one, view.now);
  };
  await follow(path, over.signal, show);
  return EXIT.done;
}

/** The terminal is given back as it was, whatever ends the watch. */
async function watchLive({ path }: WatchOptions, io: Io): Promise<ExitCode> {
  const live = new Live(path, io);
  const following = follow(path, live.over.signal, (view) => live.view(view));
  io.stdout.write('\u001B[?1049h\u001B[?25l');
  io.stdin.setRawMode(true).setEncoding('utf8').resume();
  const onKey = (keys: string): void => live.keys(keys);
  const onResize = (): void => live.draw();
  io.stdin.on('data', onKey);
  io.stdout.on('resize', onResize);
  const end = (): void => live.end();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  const ticks = setInterval(() => live.draw(), TICK_MS);
  try {
    live.draw();
    await following;
  } finally {
    clearInterval(ticks);
    io.stdin.off('data', onKey).setRawMode(false).pause();
    io.stdout.off('resize', onResize);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
    io.stdout.write('\u001B[?25h\u001B[?1049l');
  }
  return EXIT.done;
}

class Live {
  readonly over = new AbortController();
  readonly #path: string;
  readonly #io: Io;
  #state: WatchState = EMPTY;
  #pageLines = 1;
  /** server time less our own */
  #ahead = 0;

  constructor(path: string, io: Io) {
    this.#path = path;
    this.#io = io;
  }

  view(view: InboxView): void {
    this.#ahead = view.now - Date.now();
    this.#state = withView(this.#state, view, this.#now());
    this.draw();
  }

  /** One key or several at once. An answer moves the selection on, so a pasted row of keys answers one question. */
  keys(text: string): void {
    for (const [key] of text.matchAll(/\u001B\[[A-D]|./gsu)) {
      const { state, effect } = pressed(this.#state, key, this.#now(), this.#pageLines);
      this.#state = state;
      if (effect.kind === 'quit') this.end();
      if (effect.kind === 'answer') void this.#answer(effect.id, effect.decision);
      this.draw();
    }
  }

  end(): void {
    this.over.abort();
  }

  draw(): void {
    if (this.over.signal.aborted) return;
    const { columns, rows } = this.#io.stdout;
    const { paint } = screenOn(this.#io.stdout, this.#io.env);
    const frame = frameOf(this.#state, { columns, rows }, this.#now(), paint);
    this.#state = frame.state;
    this.#pageLines = frame.pageLines;
    this.#io.stdout.write(`\u001B[H${frame.lines.map((line) => `${line}\u001B[K`).join('\r\n')}\u001B[J`);
  }

  #now(): number {
    return Date.now() + this.#ahead;
  }

  async #answer(id: InboxQuestion['id'], decision: QuestionAnswer): Promise<void> {
    this.#say(`${decision}: ${id} …`);
    try {
      await using inbox = await connectInbox(this.#path);
      const answered = await inbox.answer(id, decision, null);
      this.#say(`${outcomeOf(answered)}: ${commandOf(answered)}`);
    } catch (fault) {
      this.#say(fault instanceof AgentboxError ? fault.message : String(fault));
    }
  }

  #say(status: string): void {
    this.#state = { ...this.#state, status };
    this.draw();
  }
}
