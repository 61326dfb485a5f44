/** What the proxy says itself over HTTP, and the heads of answers that it passes on. */
import { STATUS_CODES } from 'node:http';
import type { Header } from './http-head.ts';
import { connectionTokens } from './http-head.ts';
import { type Refusal, refusalText } from './refusal.ts';

/** RFC 9110 section 7.6.1, and what only concerns the way to this proxy. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** No Connection header may take these away: they say where a message ends and for whom it is. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'host']);

export function endToEnd(headers: readonly Header[]): readonly Header[] {
  const named = connectionTokens(headers);
  return headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && (FRAMING.has(lower) || !named.has(lower));
  });
}

export const pairsOf = (flat: readonly string[]): readonly Header[] =>
  Array.from({ length: Math.floor(flat.length / 2) }, (_, index) => [flat[2 * index] ?? '', flat[2 * index + 1] ?? '']);

export function headText(status: number, message: string, headers: readonly Header[]): Buffer {
  const lines = [`HTTP/1.1 ${status} ${message}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers?: readonly Header[];
  readonly keepAlive: boolean;
  readonly withBody?: boolean;
  /** in place of the usual words of the status */
  readonly message?: string;
}

export function ownAnswer({ status, text, headers = [], keepAlive, withBody = true, message }: Answer): Buffer {
  const body = Buffer.from(`${text}\n`);
  const all: readonly Header[] = [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Content-Length', String(body.length)],
    ['Connection', keepAlive ? 'keep-alive' : 'close'],
    ...headers,
  ];
  const head = headText(status, message ?? STATUS_CODES[status] ?? 'Refused', all);
  return withBody ? Buffer.concat([head, body]) : head;
}

const MESSAGE_CHARS = 400;

export function refusalAnswer(refusal: Refusal, keepAlive: boolean, withBody: boolean): Buffer {
  const text = refusalText(refusal);
  const plain = text.replaceAll(/[^\x20-\x7e]/g, '?');
  const { status } = refusal;
  if (status !== 403) return ownAnswer({ status, text, keepAlive, withBody });
  // Of a refused CONNECT most programs show the first line alone.
  const message = plain.slice(0, MESSAGE_CHARS);
  return ownAnswer({ status, text, headers: [['X-Agentbox-Denied', plain]], keepAlive, withBody, message });
}
