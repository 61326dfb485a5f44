/**
 * tools/list and tools/call of 2026-07-28 that need nothing but an answer, without a protocol server for each. Takes only
 * what is beyond doubt: whatever is unusual, wrong or wants more than one message goes the long way, which says of it
 * what it says of everything. Both ways end in the same methods and the same results.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  classifyInboundRequest,
  PROTOCOL_VERSION_META_KEY,
  ProtocolErrorCode,
  type Result,
  SERVER_INFO_META_KEY,
  TRACEPARENT_META_KEY,
  TRACESTATE_META_KEY,
} from '@modelcontextprotocol/server';
import type { JsonAnswer, ScopesNeeded } from '../http/door-port.ts';
import type { DoorCaller } from './deps.ts';
import { isRecord, type JsonObject } from './json.ts';
import { type MessageId, messageIdOf } from './message.ts';
import type { StepUp } from './step-up.ts';
import { callTool, listResult, type ToolCallParts } from './tool-calls.ts';
import { clientOf, type Turn } from './turn.ts';
import { toProtocolError } from './wire-server.ts';

export interface DirectLane {
  /** undefined when the request is not of those that it takes; nothing has happened then */
  serve(request: Request, caller: DoorCaller, message: JsonObject): Promise<JsonAnswer | ScopesNeeded> | undefined;
  /** aborts what runs, as disconnected */
  close(): void;
}

interface DirectParts extends ToolCallParts {
  readonly stepUp: StepUp;
}

const REVISION = '2026-07-28';
const MESSAGE_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);
const CALL_KEYS: ReadonlySet<string> = new Set(['name', 'arguments', '_meta']);
const LIST_KEYS: ReadonlySet<string> = new Set(['_meta']);
/** A progress token, a log level or anything that is not known here asks for more than an answer, or may. */
const META_KEYS: ReadonlySet<string> = new Set([
  PROTOCOL_VERSION_META_KEY,
  CLIENT_INFO_META_KEY,
  CLIENT_CAPABILITIES_META_KEY,
  TRACEPARENT_META_KEY,
  TRACESTATE_META_KEY,
]);
/** A tool name that a header carries as it is. */
const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,128}$/;

const MISSING_CAPABILITY: number = ProtocolErrorCode.MissingRequiredClientCapability;

/** Envelopes that the SDK found valid, as text: the same client sends the same one with every request. */
const MAX_ENVELOPES = 256;
const MAX_ENVELOPE_CHARS = 4096;

/** What the client of a connection that is gone would have been told. */
const GONE: JsonAnswer = { kind: 'json', status: 499, text: '' };

interface PlainRequest {
  readonly id: MessageId;
  readonly method: 'tools/list' | 'tools/call';
  readonly params: JsonObject;
  readonly meta: JsonObject;
}

export function createDirectLane(parts: DirectParts): DirectLane {
  return new Direct(parts);
}

class Direct implements DirectLane {
  readonly #parts: DirectParts;
  readonly #envelopes = new Set<string>();
  readonly #lists = new WeakMap<object, string>();
  readonly #running = new Set<() => void>();

  constructor(parts: DirectParts) {
    this.#parts = parts;
  }

  serve(request: Request, caller: DoorCaller, message: JsonObject): Promise<JsonAnswer | ScopesNeeded> | undefined {
    const plain = plainRequestOf(message);
    if (plain === undefined || !headersAgree(request.headers, plain)) return undefined;
    if (!this.#isPlainTool(caller, plain) || !this.#isValid(message, plain)) return undefined;
    return plain.method === 'tools/list'
      ? Promise.resolve(resultAnswer(plain.id, this.#listText(caller)))
      : (this.#parts.stepUp(caller, message) ?? this.#call(request.signal, caller, plain));
  }

  close(): void {
    for (const end of this.#running) end();
  }

  /** Arguments that headers repeat are compared on the long way. */
  #isPlainTool({ principal }: DoorCaller, { method, params: { name } }: PlainRequest): boolean {
    if (method === 'tools/list') return true;
    const tool = typeof name === 'string' ? this.#parts.table.find(name, principal) : undefined;
    return tool !== undefined && this.#parts.table.headersOf(tool).length === 0;
  }

  /** The SDK judges each envelope that was not seen before. */
  #isValid(message: JsonObject, { meta, method }: PlainRequest): boolean {
    const { [CLIENT_INFO_META_KEY]: info, [CLIENT_CAPABILITIES_META_KEY]: capabilities } = meta;
    const text = JSON.stringify([info, capabilities]);
    if (this.#envelopes.has(text)) return true;
    const headers = { protocolVersionHeader: REVISION, mcpMethodHeader: method };
    const judged = classifyInboundRequest({ httpMethod: 'POST', ...headers, body: message });
    if (judged.kind !== 'modern' || judged.classification.revision !== REVISION) return false;
    if (text.length > MAX_ENVELOPE_CHARS) return true;
    const [oldest] = this.#envelopes;
    if (this.#envelopes.size >= MAX_ENVELOPES && oldest !== undefined) this.#envelopes.delete(oldest);
    this.#envelopes.add(text);
    return true;
  }

  /** The list of tools is the same object for as long as it is the same list. */
  #listText(caller: DoorCaller): string {
    const tools = this.#parts.table.list(caller.principal);
    const known = this.#lists.get(tools);
    if (known !== undefined) return known;
    const text = JSON.stringify(this.#stamp(listResult(tools, 'modern', this.#parts.limits)));
    this.#lists.set(tools, text);
    return text;
  }

  async #call(signal: AbortSignal, caller: DoorCaller, plain: PlainRequest): Promise<JsonAnswer> {
    const abort = new AbortController();
    const gone = Promise.withResolvers<JsonAnswer>();
    const end = (): void => {
      abort.abort('disconnected');
      gone.resolve(GONE);
    };
    if (signal.aborted) return GONE;
    signal.addEventListener('abort', end, { once: true });
    this.#running.add(end);
    try {
      return await Promise.race([this.#answer(turnOf(caller, plain, abort.signal), plain), gone.promise]);
    } finally {
      signal.removeEventListener('abort', end);
      this.#running.delete(end);
    }
  }

  async #answer(turn: Turn, { id, params }: PlainRequest): Promise<JsonAnswer> {
    try {
      return resultAnswer(id, JSON.stringify(this.#stamp(await callTool(this.#parts, params, turn))));
    } catch (fault) {
      const { code, message, data } = toProtocolError(fault, this.#parts.onFault);
      const error = data === undefined ? { code, message } : { code, message, data };
      // Of all errors that a method gives, the protocol has a status for this one only.
      const status = code === MISSING_CAPABILITY ? 400 : 200;
      return { kind: 'json', status, text: JSON.stringify({ jsonrpc: '2.0', id, error }) };
    }
  }

  /** What every result of this revision carries. */
  #stamp(result: Result): Result {
    const { _meta: own, resultType = 'complete' } = result;
    return { ...result, resultType, _meta: { ...own, [SERVER_INFO_META_KEY]: this.#parts.deps.info } };
  }
}

const resultAnswer = (id: MessageId, result: string): JsonAnswer => ({
  kind: 'json',
  status: 200,
  text: `{"result":${result},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`,
});

const hasOnly = (object: JsonObject, keys: ReadonlySet<string>): boolean =>
  Object.keys(object).every((key) => keys.has(key));

/** Undefined for whatever has a part that is not expected here. */
function plainRequestOf(message: JsonObject): PlainRequest | undefined {
  const { method, params } = message;
  if (method !== 'tools/call' && method !== 'tools/list') return undefined;
  const id = messageIdOf(message);
  if (id === null || !isRecord(params) || !hasOnly(message, MESSAGE_KEYS)) return undefined;
  if (!hasOnly(params, method === 'tools/call' ? CALL_KEYS : LIST_KEYS)) return undefined;
  const { _meta: meta } = params;
  if (!isRecord(meta) || meta[PROTOCOL_VERSION_META_KEY] !== REVISION || !hasOnly(meta, META_KEYS)) return undefined;
  return { id, method, params, meta };
}

/** Each header is there and says word for word what the body says. */
function headersAgree(headers: Headers, { method, params }: PlainRequest): boolean {
  if (headers.get('mcp-protocol-version') !== REVISION || headers.get('mcp-method') !== method) return false;
  if (method === 'tools/list') return true;
  const { name } = params;
  return typeof name === 'string' && PLAIN_NAME.test(name) && headers.get('mcp-name') === name;
}

const nothing = (): Promise<void> => Promise.resolve();

function turnOf(caller: DoorCaller, { id, method, meta }: PlainRequest, signal: AbortSignal): Turn {
  return {
    era: 'modern',
    caller,
    client: clientOf(meta[CLIENT_INFO_META_KEY], meta[CLIENT_CAPABILITIES_META_KEY]),
    watches: null,
    sandbox: null,
    signal: () => signal,
    context: {
      mcpReq: {
        id,
        method,
        _meta: { [TRACEPARENT_META_KEY]: meta[TRACEPARENT_META_KEY] },
        requestState: () => undefined,
        signal,
        // Nobody asked for a word before the answer.
        notify: nothing,
        log: nothing,
        send: () => Promise.reject(new TypeError('a client of this revision is asked by results')),
      },
    },
  };
}
