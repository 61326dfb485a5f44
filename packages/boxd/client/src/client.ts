/**
 * A Box over the wire. Reconnects with bounded backoff. A request in flight when the daemon dies is refused with
 * BOX_UNAVAILABLE and never sent again, except those that the daemon knows by an id or an offset: spawn, and write
 * with `at`. Watchers resume where they were.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AgentboxError,
  type AnswerReply,
  type AnswerRequest,
  type Box,
  type BoxEvent,
  type BoxFacts,
  boxReplies,
  type CollectReply,
  type CollectRequest,
  type ExecEntry,
  type FindLineReply,
  type FindLineRequest,
  type KillReply,
  type PatchCommand,
  type PatchReply,
  type PatchRequest,
  type PolicySettings,
  type PolicyState,
  type PrincipalId,
  parseErrorCode,
  type ReadReply,
  type ReadRequest,
  type SearchReply,
  type SearchRequest,
  type SessionId,
  type SessionInfo,
  type SpawnReply,
  type SpawnRequest,
  type TerminalSize,
  type WriteReply,
  type WriteRequest,
} from '@agentbox/protocol';
import { readAddress } from './address.ts';
import { Line, type RawReply } from './line.ts';

export interface BoxClientOptions {
  /** the home that server and daemon share: holds the address and the key */
  readonly home: string;
  /** instead of the address that the home announces */
  readonly socketPath?: string;
  /** how long a request may wait for a daemon that is being restarted */
  readonly reconnectMs?: number;
  /** said to the daemon after each connect, before anything else */
  readonly policy?: PolicySettings;
  /** how the daemon took it */
  readonly onPolicy?: (state: PolicyState) => void;
  /** called whenever the connection was lost */
  readonly onDisconnect?: (reason: string) => void;
}

/** A Box that is reached over a connection. */
export type BoxConnection = Box;

const DEFAULT_RECONNECT_MS = 3000;
const HANDSHAKE_MS = 5000;
const FIRST_BACKOFF_MS = 10;
const SLOWEST_BACKOFF_MS = 250;
/** times that an idempotent request is sent */
const ATTEMPTS = 3;

type Header = Readonly<Record<string, unknown>>;

/** Resolves when the daemon has answered the handshake; rejects with BOX_UNAVAILABLE when it does not in time. */
export async function connectBox(options: BoxClientOptions): Promise<Box> {
  const client = new BoxClient(options);
  await client.connect();
  return client;
}

class BoxClient implements Box {
  readonly #options: BoxClientOptions;
  readonly #reconnectMs: number;
  readonly #listeners = new Set<(event: BoxEvent) => void>();
  #line: Line | null = null;
  #connecting: Promise<Line> | null = null;
  #sequence = 0;
  /** what each new connection begins with */
  #policy: PolicySettings | null;
  #closed = false;

  constructor(options: BoxClientOptions) {
    this.#options = options;
    this.#policy = options.policy ?? null;
    this.#reconnectMs = options.reconnectMs ?? DEFAULT_RECONNECT_MS;
  }

  async connect(): Promise<void> {
    await this.#connected();
  }

  async facts(): Promise<BoxFacts> {
    return boxReplies.facts.parse((await this.#ask({ op: 'facts' })).header);
  }

  async spawn(request: SpawnRequest): Promise<SpawnReply> {
    return boxReplies.spawn.parse((await this.#askAgain({ op: 'spawn', request })).header);
  }

  async collect(owner: PrincipalId, request: CollectRequest, signal?: AbortSignal): Promise<CollectReply> {
    const reply = await this.#ask({ op: 'collect', owner, request }, undefined, signal);
    const { headLength, ...answer } = boxReplies.collect.parse(reply.header);
    return { ...answer, head: reply.body.subarray(0, headLength), tail: reply.body.subarray(headLength) };
  }

  async read(owner: PrincipalId, request: ReadRequest): Promise<ReadReply> {
    const reply = await this.#ask({ op: 'read', owner, request });
    return { ...boxReplies.read.parse(reply.header), bytes: reply.body };
  }

  async search(owner: PrincipalId, request: SearchRequest): Promise<SearchReply> {
    return boxReplies.search.parse((await this.#ask({ op: 'search', owner, request })).header);
  }

  async findLine(owner: PrincipalId, request: FindLineRequest): Promise<FindLineReply> {
    return boxReplies.findLine.parse((await this.#ask({ op: 'findLine', owner, request })).header);
  }

  async write(owner: PrincipalId, { bytes, ...request }: WriteRequest): Promise<WriteReply> {
    const header = { op: 'write', owner, request };
    const reply = request.at === null ? await this.#ask(header, bytes) : await this.#askAgain(header, bytes);
    return boxReplies.write.parse(reply.header);
  }

  async resize(owner: PrincipalId, session: SessionId, size: TerminalSize): Promise<void> {
    await this.#ask({ op: 'resize', owner, session, size });
  }

  async kill(owner: PrincipalId, session: SessionId, signal: string, waitMs: number): Promise<KillReply> {
    return boxReplies.kill.parse((await this.#ask({ op: 'kill', owner, session, signal, waitMs })).header);
  }

  async interrupt(owner: PrincipalId, session: SessionId, signal: string): Promise<void> {
    await this.#ask({ op: 'interrupt', owner, session, signal });
  }

  async info(owner: PrincipalId, session: SessionId): Promise<SessionInfo> {
    return boxReplies.info.parse((await this.#ask({ op: 'info', owner, session })).header);
  }

  async bookmark(owner: PrincipalId, session: SessionId, text: string): Promise<void> {
    await this.#ask({ op: 'bookmark', owner, session, text });
  }

  async list(owner: PrincipalId | null): Promise<readonly SessionInfo[]> {
    const found: SessionInfo[] = [];
    for (let after: SessionId | null = null; ; ) {
      const page = boxReplies.list.parse((await this.#ask({ op: 'list', owner, after })).header);
      found.push(...page.sessions);
      after = page.next;
      if (after === null) return found.sort((a, b) => a.startedAt - b.startedAt);
    }
  }

  async watch(from: number, listener: (event: BoxEvent) => void): Promise<{ readonly next: number; close(): void }> {
    // One stream serves every listener: it starts anew at the oldest place that somebody needs.
    let told = from;
    const filtered = (event: BoxEvent): void => {
      if (event.sequence <= told) return;
      told = event.sequence;
      listener(event);
    };
    const start = this.#listeners.size === 0 ? from : Math.min(from, this.#sequence);
    this.#listeners.add(filtered);
    const line = await this.#connected();
    const { next } = boxReplies.watch.parse((await line.request({ op: 'watch', from: start })).header);
    return { next, close: () => this.#unwatch(filtered) };
  }

  async configure(settings: PolicySettings): Promise<PolicyState> {
    this.#policy = settings;
    return boxReplies.configure.parse((await this.#askAgain({ op: 'configure', settings })).header);
  }

  async answer(request: AnswerRequest): Promise<AnswerReply> {
    return boxReplies.answer.parse((await this.#ask({ op: 'answer', request })).header);
  }

  async execs(after: number, max: number): Promise<{ readonly entries: readonly ExecEntry[]; readonly last: number }> {
    return boxReplies.execs.parse((await this.#askAgain({ op: 'execs', after, max })).header);
  }

  async acknowledgeExecs(through: number): Promise<void> {
    await this.#askAgain({ op: 'acknowledgeExecs', through });
  }

  async applyPatch(request: PatchRequest): Promise<PatchReply> {
    const reply = boxReplies.patch.parse((await this.#ask({ op: 'patch', request })).header);
    const { failure } = reply;
    return {
      ...reply,
      failure: failure === null ? null : { code: parseErrorCode(failure.code) ?? 'INTERNAL', detail: failure.detail },
    };
  }

  async parsePatchCommand(command: string): Promise<PatchCommand> {
    return boxReplies.parsePatchCommand.parse((await this.#ask({ op: 'parsePatchCommand', command })).header);
  }

  async readFile(path: string, maxBytes: number): Promise<Uint8Array> {
    return (await this.#ask({ op: 'readFile', path, maxBytes })).body;
  }

  async shutdown(): Promise<void> {
    await this.#ask({ op: 'shutdown' });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#line?.close();
    return Promise.resolve();
  }

  /** Sent at most once. */
  async #ask(header: Header, body?: Uint8Array, signal?: AbortSignal): Promise<RawReply> {
    const line = await this.#connected();
    return line.request(header, body, signal);
  }

  /** Sent until it is answered: the daemon knows a repetition. */
  async #askAgain(header: Header, body?: Uint8Array): Promise<RawReply> {
    for (let attempt = 1; ; attempt += 1) {
      const line = await this.#connected();
      try {
        return await line.request(header, body);
      } catch (fault) {
        const lost = fault instanceof AgentboxError && fault.code === 'BOX_UNAVAILABLE';
        if (!lost || attempt >= ATTEMPTS) throw fault;
      }
    }
  }

  async #connected(): Promise<Line> {
    if (this.#closed) throw new AgentboxError('BOX_UNAVAILABLE', 'the client of the box was closed');
    if (this.#line !== null && !this.#line.closed) return this.#line;
    this.#connecting ??= this.#reconnect().finally(() => void (this.#connecting = null));
    return this.#connecting;
  }

  async #reconnect(): Promise<Line> {
    const deadline = Date.now() + this.#reconnectMs;
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(SLOWEST_BACKOFF_MS, backoffMs * 2)) {
      try {
        return await this.#open();
      } catch (fault) {
        const other = fault instanceof AgentboxError && fault.code === 'BOX_PROTOCOL';
        if (other || this.#closed || Date.now() + backoffMs > deadline) throw fault;
      }
      await sleep(backoffMs);
    }
  }

  async #open(): Promise<Line> {
    const { home, socketPath } = this.#options;
    const address = readAddress(home, socketPath);
    if (address === undefined) throw new AgentboxError('BOX_UNAVAILABLE', `no box daemon of ${home} is running`);
    const line = new Line({
      socketPath: address.socketPath,
      key: address.key,
      timeoutMs: HANDSHAKE_MS,
      onEvent: (event) => this.#heard(event),
      onClose: (reason) => this.#lost(line, reason),
    });
    await line.greet();
    await this.#configure(line);
    this.#line = line;
    if (this.#listeners.size > 0) await line.request({ op: 'watch', from: this.#sequence });
    return line;
  }

  async #configure(line: Line): Promise<void> {
    if (this.#policy === null) return;
    const reply = await line.request({ op: 'configure', settings: this.#policy });
    this.#options.onPolicy?.(boxReplies.configure.parse(reply.header));
  }

  #heard(event: BoxEvent): void {
    this.#sequence = Math.max(this.#sequence, event.sequence);
    for (const listener of this.#listeners) listener(event);
  }

  #lost(line: Line, reason: string): void {
    if (this.#line !== line) return;
    this.#line = null;
    if (this.#closed) return;
    this.#options.onDisconnect?.(reason);
    // Watchers wait for events, not for answers: the line is renewed without anybody asking.
    if (this.#listeners.size > 0) this.#connected().catch(() => undefined);
  }

  #unwatch(listener: (event: BoxEvent) => void): void {
    this.#listeners.delete(listener);
    const line = this.#line;
    if (this.#listeners.size === 0 && line !== null && !line.closed) {
      line.request({ op: 'unwatch' }).catch(() => undefined);
    }
  }
}
