/** A client without a library: what it sends and gets is exactly what a test wrote and what the wire carried. */
import assert from 'node:assert/strict';

export type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** every JSON-RPC message of the answer, in order */
  readonly messages: readonly Json[];
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at a path of keys; an empty one where there is none. */
export function at(value: unknown, ...keys: readonly string[]): Json {
  const found = keys.reduce<unknown>((node, key) => (isJson(node) ? node[key] : undefined), value);
  return isJson(found) ? found : {};
}

export function lastOf(answer: Answer): Json {
  return answer.messages.at(-1) ?? {};
}

export const resultOf = (answer: Answer): Json => at(lastOf(answer), 'result');
export const errorOf = (answer: Answer): Json => at(lastOf(answer), 'error');

/** The text of a tool's result. */
export function textOf(result: Json): string {
  const content = Array.isArray(result['content']) ? result['content'] : [];
  return content
    .map((block) => {
      const { text } = at(block);
      return typeof text === 'string' ? text : '';
    })
    .join('\n');
}

export interface Endpoint {
  readonly url: string;
  readonly token: string;
}

type Headers_ = Readonly<Record<string, string>>;

const MODERN = '2026-07-28';
const ACCEPT = 'application/json, text/event-stream';

export function send(to: Endpoint, method: string, body: string | null, headers: Headers_, signal?: AbortSignal) {
  const authorization = `Bearer ${to.token}`;
  return fetch(to.url, {
    method,
    headers: { accept: ACCEPT, authorization, ...headers },
    ...(body === null ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
}

export async function post(to: Endpoint, body: string, headers: Headers_ = {}): Promise<Answer> {
  const response = await send(to, 'POST', body, { 'content-type': 'application/json', ...headers });
  return { status: response.status, headers: response.headers, messages: messagesIn(await response.text()) };
}

function messagesIn(text: string): readonly Json[] {
  const lines = text.startsWith('{') || text.startsWith('[') ? [text] : dataLines(text);
  const parsed: unknown[] = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  return parsed.flat().filter(isJson);
}

const dataLines = (text: string): readonly string[] =>
  text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));

export function modernMeta(capabilities: Json = {}): Json {
  return {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
}

export function modernHeaders(method: string, params: Json): Headers_ {
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  const named = typeof name === 'string' ? { 'mcp-name': name } : {};
  return { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...named };
}

/** One request of 2026-07-28. */
export function modern(to: Endpoint, method: string, params: Json = {}, capabilities: Json = {}, meta: Json = {}) {
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method,
    params: { ...params, _meta: { ...modernMeta(capabilities), ...meta } },
  };
  return post(to, JSON.stringify(body), modernHeaders(method, params));
}

export interface Session {
  readonly id: string;
  readonly revision: string;
  readonly headers: Headers_;
  request(method: string, params?: Json, id?: string | number): Promise<Answer>;
  notify(method: string, params?: Json): Promise<Answer>;
  /** the stream of a request while it goes on */
  stream(method: string, params?: Json, id?: string | number): Promise<EventStream>;
  get(headers?: Headers_): Promise<EventStream>;
  end(): Promise<number>;
}

/** A session of 2025-*. */
export async function openSession(to: Endpoint, revision = '2025-11-25', capabilities: Json = {}): Promise<Session> {
  const clientInfo = { name: 'raw', version: '1' };
  const params = { protocolVersion: revision, capabilities, clientInfo };
  const opened = await post(to, JSON.stringify({ jsonrpc: '2.0', id: 'open', method: 'initialize', params }));
  assert.equal(opened.status, 200, JSON.stringify(opened.messages));
  const id = opened.headers.get('mcp-session-id');
  assert.ok(id !== null);
  const headers = { 'mcp-session-id': id, 'mcp-protocol-version': revision };
  const write = (message: Json) => post(to, JSON.stringify({ jsonrpc: '2.0', ...message }), headers);
  const session: Session = {
    id,
    revision,
    headers,
    request: (method, given = {}, requestId = 1) => write({ id: requestId, method, params: given }),
    notify: (method, given = {}) => write({ method, params: given }),
    async stream(method, given = {}, requestId = 1) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: requestId, method, params: given });
      return readEvents(await send(to, 'POST', body, { 'content-type': 'application/json', ...headers }));
    },
    get: async (more = {}) => readEvents(await send(to, 'GET', null, { ...headers, ...more })),
    end: async () => (await send(to, 'DELETE', null, headers)).status,
  };
  await session.notify('notifications/initialized');
  return session;
}

interface Event {
  readonly id: string | null;
  readonly message: Json | null;
}

export interface EventStream {
  readonly status: number;
  /** the next event that satisfies; undefined when the stream ended before */
  next(accept?: (event: Event) => boolean): Promise<Event | undefined>;
  close(): Promise<void>;
}

export function readEvents(response: Response): EventStream {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let buffer = '';
  async function block(): Promise<string | undefined> {
    for (;;) {
      const end = buffer.indexOf('\n\n');
      if (end >= 0) {
        const found = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        return found;
      }
      const read = await reader?.read();
      if (read === undefined || read.done) return undefined;
      buffer += decoder.decode(read.value, { stream: true });
    }
  }
  return {
    status: response.status,
    async next(accept = ({ message }) => message !== null) {
      for (let text = await block(); text !== undefined; text = await block()) {
        const event = eventOf(text);
        if (accept(event)) return event;
      }
      return undefined;
    },
    close: async () => {
      await reader?.cancel().catch(() => undefined);
    },
  };
}

function eventOf(text: string): Event {
  const field = (name: string): string | undefined =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const data = field('data') ?? '';
  const message: unknown = data === '' ? null : JSON.parse(data);
  return { id: field('id') ?? null, message: isJson(message) ? message : null };
}
