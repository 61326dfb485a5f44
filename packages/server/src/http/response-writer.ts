/**
 * Writes a Response to the socket at the client's pace. A stream ends when its source ends, when the client goes away
 * (its source is then cancelled) or when the server stops (it is then ended properly, so that the client sees an end).
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { JsonAnswer } from './door-port.ts';

/** An open event stream; `end` closes it as if its source had. */
export interface OpenStream {
  readonly endsAtShutdown: boolean;
  end(): void;
}

export interface WriteOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly withoutBody: boolean;
  /** told of an event stream when it opens; the answer is called when it has ended */
  opened(stream: OpenStream): () => void;
}

export const isEventStream = (response: Response): boolean =>
  response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;

const isText = (response: Response): boolean =>
  /^(application\/(json|[\w.-]+\+json)|text\/plain)/.test(response.headers.get('content-type') ?? '');

export async function writeResponse(
  response: Response,
  outgoing: ServerResponse,
  options: WriteOptions,
): Promise<void> {
  const headers = outgoingHeaders(response, options.headers);
  if (response.body === null || options.withoutBody) {
    await response.body?.cancel();
    const sized = response.status === 204 || response.status === 304 || options.withoutBody;
    outgoing.writeHead(response.status, sized ? headers : { ...headers, 'content-length': 0 }).end();
    return;
  }
  // Whole in memory already. As text it leaves in one write together with the headers.
  if (isText(response)) {
    const text = await response.text();
    headers['content-length'] = Buffer.byteLength(text);
    outgoing.writeHead(response.status, headers).end(text);
    return;
  }
  outgoing.writeHead(response.status, headers);
  outgoing.flushHeaders();
  await writeStream(response.body, outgoing, isEventStream(response) ? options : null);
}

/** One write for headers and text. */
export function writeJson(
  answer: JsonAnswer,
  outgoing: ServerResponse,
  headers: Readonly<Record<string, string>>,
): void {
  const length = Buffer.byteLength(answer.text);
  outgoing.writeHead(answer.status, { ...headers, 'content-type': 'application/json', 'content-length': length });
  outgoing.end(answer.text);
}

/**
 * For a request whose body is not wanted: the whole refusal goes out first, then what still comes is thrown away, and
 * only then the connection closes.
 */
export async function writeThenDiscard(
  response: Response,
  outgoing: ServerResponse,
  headers: Readonly<Record<string, string>>,
  discard: () => Promise<void>,
): Promise<void> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const fields = { ...outgoingHeaders(response, headers), 'content-length': bytes.length, connection: 'close' };
  outgoing.writeHead(response.status, fields);
  outgoing.write(bytes);
  await discard();
  outgoing.end();
}

function outgoingHeaders(response: Response, added: Readonly<Record<string, string>>): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ...added };
  for (const [name, value] of response.headers) headers[name] = value;
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers['set-cookie'] = cookies;
  if (isEventStream(response)) headers['x-accel-buffering'] = 'no';
  return headers;
}

async function writeStream(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
  events: WriteOptions | null,
): Promise<void> {
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel('disconnected').catch(() => undefined);
  outgoing.on('close', cancel);
  const closed = events?.opened({ endsAtShutdown: outgoing.req.method === 'GET', end: cancel });
  try {
    if (outgoing.destroyed) cancel();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (!outgoing.write(read.value)) await drained(outgoing);
    }
    outgoing.end();
  } catch {
    // The status is sent: a broken answer must not look like a whole one.
    outgoing.destroy();
  } finally {
    outgoing.off('close', cancel);
    closed?.();
  }
}

/** Room to write again, or nobody left to write to. */
function drained(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    outgoing.off('drain', done).off('close', done);
    resolve();
  };
  outgoing.on('drain', done).on('close', done);
  return promise;
}
