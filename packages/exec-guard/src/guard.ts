/**
 * The daemon's end of the line to one warden. Every program that the warden asks about is decided by the caller's
 * `decide`; a decision that throws, is refused or comes too late is a denial. Holds no policy.
 */
import type { Duplex } from 'node:stream';
import { unreachable } from '@agentbox/base';
import { encodeDecision, encodeHeads, type GuardDecision } from './decisions.ts';
import type { GuardFacts, RanFacts } from './facts.ts';
import { LineReader } from './lines.ts';
import { type Asked, LINE_BYTES, parseMessage, type WardenMessage } from './messages.ts';

export interface GuardHooks {
  /** `signal` aborts when the process that asks is gone, and a decision is of no use to anybody */
  decide(facts: GuardFacts, signal: AbortSignal): GuardDecision | Promise<GuardDecision>;
  /** a program that no head names was let run */
  ran(facts: RanFacts): void;
  /** the warden refused by itself: from a writable place, or not fit to run outside after `escalate` */
  refused(facts: GuardFacts, reason: string): void;
  /** what was loaded is not what was judged; nothing of it ran */
  killed(facts: GuardFacts, reason: string): void;
  started(process: {
    readonly pid: number;
    readonly infrastructure: readonly number[];
    readonly landlock: number;
  }): void;
  /** a descriptor of the warden (`infrastructure[0]`), to be fetched with pidfd_getfd; comes before `started` */
  listener(fd: number): void;
  escalated(facts: GuardFacts, pid: number): void;
  escalatedEnded(end: { readonly pid: number; readonly code: number; readonly durationMs: number }): void;
  /** the command has ended; others of the sandbox may go on. `code` is 128 + signal when a signal ended it */
  exited(exit: { readonly code: number; readonly signal: number | null }): void;
  /** the sandbox could not be set up: nothing ran */
  failed(reason: string): void;
  /** the line ended early or carried what is no message; the warden ends the sandbox */
  broken(reason: string): void;
}

export interface Guard {
  /** programs that are asked about; all others run at once and are reported. Until it is called: all are asked about. */
  setHeads(heads: readonly string[] | 'all'): void;
  /** ends the line, and with it the sandbox */
  close(): void;
}

interface Ask {
  readonly facts: GuardFacts;
  readonly gone: AbortController;
}

/** unsent decisions at which the line counts as stuck, in `bytes` */
const UNSENT_BYTES = 8 * 1024 * 1024;
const FAULT = { kind: 'deny', text: 'the guard could not decide' } as const;

export function attachGuard(link: Duplex, hooks: GuardHooks): Guard {
  return new AttachedGuard(link, hooks);
}

class AttachedGuard implements Guard {
  readonly #link: Duplex;
  readonly #hooks: GuardHooks;
  readonly #lines = new LineReader(LINE_BYTES);
  readonly #asks = new Map<number, Ask>();
  /** programs outside, until their end */
  readonly #granted = new Map<number, GuardFacts>();
  #ended = false;
  #told = false;

  constructor(link: Duplex, hooks: GuardHooks) {
    this.#link = link;
    this.#hooks = hooks;
    link.on('data', (chunk: Buffer) => this.#receive(chunk));
    link.on('error', () => undefined);
    link.on('close', () => this.#finish('the warden is gone'));
    link.on('end', () => this.#finish('the warden is gone'));
  }

  setHeads(heads: readonly string[] | 'all'): void {
    this.#send(encodeHeads(heads));
  }

  close(): void {
    this.#told = true;
    this.#finish('');
  }

  #send(message: string | Buffer): void {
    if (this.#ended) return;
    this.#link.write(message);
    if (this.#link.writableLength > UNSENT_BYTES) this.#finish('the warden takes no decisions');
  }

  #finish(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { gone } of this.#asks.values()) gone.abort();
    this.#asks.clear();
    this.#link.destroy();
    if (!this.#told) this.#hooks.broken(reason);
  }

  #receive(chunk: Buffer): void {
    const lines = this.#lines.push(chunk);
    if (lines === null) {
      this.#finish('a message of the warden is too long');
      return;
    }
    // What is decided at once goes back in one write.
    if (lines.length > 1) this.#link.cork();
    for (const line of lines) {
      if (this.#ended) return;
      const message = parseMessage(line);
      if (message === null) this.#finish('the warden said what is no message');
      else this.#take(message);
    }
    if (lines.length > 1) this.#link.uncork();
  }

  #take(message: WardenMessage): void {
    if ('ran' in message) this.#hooks.ran(message.ran);
    else if ('exec' in message) this.#ask(message.exec);
    else if ('gone' in message) this.#forget(message.gone);
    else if ('started' in message) this.#hooks.started(message.started);
    else if ('listener' in message) this.#hooks.listener(message.listener);
    else if ('refused' in message) this.#refused(message.refused);
    else if ('killed' in message) this.#hooks.killed(message.killed, message.killed.reason);
    else if ('escalated' in message) this.#escalated(message.escalated);
    else if ('escalatedEnd' in message) this.#escalatedEnd(message.escalatedEnd);
    else if ('exit' in message) this.#exited(message.exit);
    else if ('failed' in message) this.#failed(message.failed.reason);
    else unreachable(message);
  }

  #ask({ id, ...facts }: Asked): void {
    const ask = { facts, gone: new AbortController() };
    const decision = this.#decide(ask);
    if ('kind' in decision) {
      this.#reply(id, ask, decision);
      return;
    }
    this.#asks.set(id, ask);
    void this.#answer(id, ask, decision);
  }

  /** Most programs are decided at once, and cost no turn of a promise. */
  #decide({ facts, gone }: Ask): GuardDecision | Promise<GuardDecision> {
    try {
      return this.#hooks.decide(facts, gone.signal);
    } catch {
      return FAULT;
    }
  }

  async #answer(id: number, ask: Ask, deciding: Promise<GuardDecision>): Promise<void> {
    const decision = await deciding.catch(() => FAULT);
    if (this.#asks.get(id) !== ask) return;
    this.#asks.delete(id);
    this.#reply(id, ask, decision);
  }

  #reply(id: number, ask: Ask, decision: GuardDecision): void {
    if (decision.kind === 'escalate') this.#granted.set(id, ask.facts);
    this.#send(encodeDecision(id, decision));
  }

  #forget(id: number): void {
    this.#asks.get(id)?.gone.abort();
    this.#asks.delete(id);
  }

  #refused({ id, reason, ...facts }: Extract<WardenMessage, { refused: unknown }>['refused']): void {
    if (id !== undefined) this.#granted.delete(id);
    this.#hooks.refused(facts, reason);
  }

  #escalated({ id, pid }: { readonly id: number; readonly pid: number }): void {
    const facts = this.#granted.get(id);
    if (facts === undefined) this.#finish('the warden ran outside what nobody granted');
    else this.#hooks.escalated(facts, pid);
  }

  #escalatedEnd({ id, pid, code, ms }: Extract<WardenMessage, { escalatedEnd: unknown }>['escalatedEnd']): void {
    this.#granted.delete(id);
    this.#hooks.escalatedEnded({ pid, code, durationMs: ms });
  }

  #exited(exit: { readonly code: number; readonly signal: number | null }): void {
    this.#told = true;
    this.#hooks.exited(exit);
  }

  #failed(reason: string): void {
    this.#told = true;
    this.#hooks.failed(reason);
  }
}
