/** The door to the database worker. When the worker dies, everyone who waits is told, and everyone who comes later. */
import { Worker } from 'node:worker_threads';
import { AgentboxError } from '@agentbox/protocol';
import {
  type Fault,
  parseReply,
  type Question,
  type Reply,
  toWire,
  type UnitResult,
  type WorkerSetup,
} from './wire.ts';

interface Asker {
  readonly resolve: (results: readonly UnitResult[]) => void;
  readonly reject: (fault: AgentboxError) => void;
}

export const errorOf = ({ code, message, detail }: Fault): AgentboxError => new AgentboxError(code, message, detail);

export class Channel implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #path: string;
  readonly #askers = new Map<number, Asker>();
  readonly #onDeath: (fault: AgentboxError) => void;
  #nextId = 1;
  #dead: AgentboxError | null = null;
  #closing = false;

  private constructor(entry: URL, setup: WorkerSetup, onDeath: (fault: AgentboxError) => void) {
    this.#path = setup.path;
    this.#onDeath = onDeath;
    // Neither the server's environment nor its flags are of use to a database.
    this.#worker = new Worker(entry, { workerData: setup, name: 'agentbox-db', env: {}, execArgv: [] });
    this.#worker.on('message', (text: string) => this.#hear(parseReply(text)));
    this.#worker.on('error', (fault) => this.#die('failed', fault));
    this.#worker.on('exit', () => this.#die('ended', undefined));
  }

  /** Settles when the database is open; rejects with why it is not. */
  static async open(entry: URL, setup: WorkerSetup, onDeath: (fault: AgentboxError) => void): Promise<Channel> {
    const channel = new Channel(entry, setup, onDeath);
    try {
      await new Promise<readonly UnitResult[]>((resolve, reject) => channel.#askers.set(0, { resolve, reject }));
      return channel;
    } catch (fault) {
      channel.#closing = true;
      await channel.#worker.terminate();
      throw fault;
    }
  }

  /** Rejects with DISK_FULL, STORAGE_UNAVAILABLE, ...; after a death the outcome of a question is unknown. */
  ask(question: Question): Promise<readonly UnitResult[]> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#askers.set(id, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      this.#worker.postMessage(toWire({ id, question }));
    });
  }

  /** closes the database, which writes its log back into the file, and ends the thread */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    if (this.#dead !== null) return;
    const exited = new Promise<void>((resolve) => void this.#worker.once('exit', () => resolve()));
    await this.ask({ kind: 'close' }).catch(() => undefined);
    await this.#worker.terminate();
    await exited;
  }

  #hear({ id, answer }: Reply): void {
    const asker = this.#askers.get(id);
    this.#askers.delete(id);
    if (answer.kind === 'done') {
      asker?.resolve(answer.results);
      return;
    }
    asker?.reject(errorOf(answer.fault));
    if (answer.fault.fatal && id !== 0) this.#end(errorOf(answer.fault));
  }

  /** also called at an orderly exit, when nobody waits any more */
  #die(how: 'failed' | 'ended', cause: unknown): void {
    const message = `the database worker of ${this.#path} ${how} unexpectedly; restart agentbox`;
    this.#end(new AgentboxError('STORAGE_UNAVAILABLE', message, { file: this.#path }, { cause }));
  }

  #end(fault: AgentboxError): void {
    if (this.#dead !== null) return;
    this.#dead = fault;
    for (const { reject } of this.#askers.values()) reject(fault);
    this.#askers.clear();
    if (!this.#closing) this.#onDeath(fault);
  }
}
