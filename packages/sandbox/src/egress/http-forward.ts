/**
 * Passes one plain request on and its answer back. The request is written anew from what was parsed, so that the
 * server cannot read it differently, and its answer is parsed strictly before it goes back.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type ByteReader, written } from './byte-reader.ts';
import type { Opened } from './gate.ts';
import type { Host } from './host.ts';
import { endToEnd, headText, pairsOf, refusalAnswer } from './http-answer.ts';
import { bodyOf } from './http-body.ts';
import type { Header, RequestHead, Target } from './http-head.ts';
import { failed } from './refusal.ts';
import type { Session } from './session.ts';

type Absolute = Target & { readonly form: 'absolute' };
type Open = Opened & { readonly kind: 'open' };

const VIA: Header = ['Via', '1.1 agentbox'];
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);
const CRLF = '\r\n';

/** True when the connection may carry another request. */
export async function forward(session: Session, head: RequestHead, target: Absolute): Promise<boolean> {
  const opened = await session.open({ protocol: 'http', host: target.host, port: target.port });
  if (opened.kind === 'refused') {
    const again = head.keepAlive && head.framing.kind === 'none';
    session.client.write(refusalAnswer(opened.refusal, again, head.method !== 'HEAD'));
    return again;
  }
  const outgoing = requestTo(session, head, target, opened);
  // A server may answer before it has the whole body; the connection then carries no other request.
  let sent = false;
  void send(outgoing, session.reader, head).then((whole) => (sent = whole));
  const answer = await answerTo(session, head, outgoing);
  if (answer === null) {
    opened.socket.destroy();
    session.client.write(refusalAnswer(failed(502, 'the host gave no valid answer'), false, head.method !== 'HEAD'));
    return false;
  }
  const passed = await pass(session, head, answer, head.keepAlive && sent);
  opened.socket.destroy();
  if (passed === 'broken') session.client.destroy();
  return passed === 'again';
}

function authorityOf({ host, kind }: Exclude<Host, { readonly kind: 'refused' }>, port: number): string {
  const name = kind === 'address' && host.includes(':') ? `[${host}]` : host;
  return port === 80 ? name : `${name}:${port}`;
}

/** A length is among the headers that are kept. A body that is not there is said to be empty where one is usual. */
function framingOf({ method, framing }: RequestHead): readonly Header[] {
  if (framing.kind === 'chunked') return [['Transfer-Encoding', 'chunked']];
  return framing.kind === 'length' || BODILESS.has(method) ? [] : [['Content-Length', '0']];
}

function requestTo(session: Session, head: RequestHead, target: Absolute, { socket, host }: Open): ClientRequest {
  const kept = endToEnd(head.headers).filter(([name]) => name.toLowerCase() !== 'host');
  const headers: readonly Header[] = [['Host', authorityOf(host, target.port)], ...kept, VIA, ...framingOf(head)];
  return request({
    createConnection: () => socket,
    method: head.method,
    path: target.path,
    headers: headers.flat(),
    setHost: false,
    maxHeaderSize: session.limits.headerBytes,
    insecureHTTPParser: false,
  });
}

/** False when the body broke its framing or nobody took it. */
async function send(outgoing: ClientRequest, reader: ByteReader, { framing }: RequestHead): Promise<boolean> {
  try {
    outgoing.flushHeaders();
    for await (const bytes of bodyOf(reader, framing)) if (!(await written(outgoing, bytes))) return false;
    outgoing.end();
    return true;
  } catch {
    outgoing.destroy();
    return false;
  }
}

async function answerTo(
  { client }: Session,
  { minor }: RequestHead,
  outgoing: ClientRequest,
): Promise<IncomingMessage | null> {
  const { promise, resolve } = Promise.withResolvers<IncomingMessage | null>();
  outgoing.on('information', ({ statusCode, statusMessage, rawHeaders }) => {
    if (minor === 1) client.write(headText(statusCode, statusMessage, endToEnd(pairsOf(rawHeaders))));
  });
  outgoing.on('response', resolve);
  outgoing.on('error', () => resolve(null));
  outgoing.on('close', () => resolve(null));
  outgoing.on('upgrade', (_answer, socket) => {
    socket.destroy();
    resolve(null);
  });
  return promise;
}

type Passed = 'again' | 'last' | 'broken';

async function pass({ client }: Session, head: RequestHead, answer: IncomingMessage, again: boolean): Promise<Passed> {
  const status = answer.statusCode ?? 502;
  const bare = head.method === 'HEAD' || status === 204 || status === 304;
  const measured = bare || answer.headers['content-length'] !== undefined;
  const chunked = !measured && head.minor === 1;
  const stays = again && (measured || chunked);
  const headers: readonly Header[] = [
    ...endToEnd(pairsOf(answer.rawHeaders)),
    VIA,
    ...(chunked ? [['Transfer-Encoding', 'chunked'] as const] : []),
    ['Connection', stays ? 'keep-alive' : 'close'],
  ];
  client.write(headText(status, answer.statusMessage ?? '', headers));
  try {
    for await (const bytes of piecesOf(answer))
      if (!(await written(client, chunked ? asChunk(bytes) : bytes))) return 'broken';
  } catch {
    return 'broken';
  }
  if (chunked) client.write(`0${CRLF}${CRLF}`);
  return stays ? 'again' : 'last';
}

async function* piecesOf(answer: IncomingMessage): AsyncGenerator<Buffer> {
  for await (const bytes of answer) if (Buffer.isBuffer(bytes)) yield bytes;
}

const asChunk = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(bytes.length.toString(16) + CRLF), bytes, Buffer.from(CRLF)]);
