/**
 * The SDK's sessionful transport with three things watched: which requests are open (an id cannot be used twice at
 * once), what a cancelled request leaves behind, and when the session ends.
 */
import type {
  JSONRPCMessage,
  MessageExtraInfo,
  RequestId,
  Transport,
  TransportSendOptions,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { SessionEvents } from './event-store.ts';
import { isRecord } from './json.ts';
import { messageIdOf } from './message.ts';
import { setHooks } from './sdk-hooks.ts';

export class SessionTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  readonly #inner: WebStandardStreamableHTTPServerTransport;
  readonly #events: SessionEvents;
  readonly #open = new Set<RequestId>();

  constructor(inner: WebStandardStreamableHTTPServerTransport, events: SessionEvents) {
    this.#inner = inner;
    this.#events = events;
    setHooks(inner, {
      onclose: () => this.onclose?.(),
      onerror: (error) => this.onerror?.(error),
      onmessage: (message, extra) => this.#receive(message, extra),
    });
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  get openRequests(): number {
    return this.#open.size;
  }

  isOpen(id: RequestId): boolean {
    return this.#open.has(id);
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  setSupportedProtocolVersions(versions: string[]): void {
    this.#inner.setSupportedProtocolVersions(versions);
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const id = 'method' in message ? null : messageIdOf(message);
    if (id !== null) this.#open.delete(id);
    const related = options?.relatedRequestId;
    return this.#inner.send(message, related === undefined ? {} : { relatedRequestId: related });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #receive(message: JSONRPCMessage, extra?: MessageExtraInfo): void {
    const id = 'method' in message ? messageIdOf(message) : null;
    if (id !== null) this.#open.add(id);
    this.onmessage?.(message, extra);
    const cancelled = cancelledId(message);
    if (cancelled !== null && this.#open.has(cancelled)) this.#forget(cancelled);
  }

  /** A cancelled request is never answered, so its stream and its books are closed here, without a word on the wire. */
  #forget(id: RequestId): void {
    const end: JSONRPCMessage = { jsonrpc: '2.0', id, error: { code: -32_603, message: 'cancelled' } };
    this.#events.ignore(end);
    this.#inner.closeSSEStream(id);
    this.send(end).catch((fault: unknown) => this.onerror?.(fault instanceof Error ? fault : new Error(String(fault))));
  }
}

function cancelledId(message: JSONRPCMessage): RequestId | null {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return null;
  return isRecord(message.params) ? messageIdOf({ id: message.params['requestId'] }) : null;
}
