/** The refusals of the edge as HTTP: one JSON shape, the status and the next step of the registry, headers on everything. */
import { STATUS_CODES } from 'node:http';
import type { Challenge } from '@agentbox/auth';
import { HINT, HTTP_STATUS } from '@agentbox/protocol';
import type { Refusal } from './admission.ts';

/** On every response that does not set them itself. Nothing here is to be framed, sniffed or kept. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

type HeaderFields = Readonly<Record<string, string>>;

function errorBody({ code, message }: Pick<Refusal, 'code' | 'message'>): string {
  return JSON.stringify({ error: { code, message, hint: HINT[code] } });
}

export function refusalResponse(refusal: Pick<Refusal, 'code' | 'message'>, headers: HeaderFields = {}): Response {
  return new Response(errorBody(refusal), {
    status: HTTP_STATUS[refusal.code],
    headers: { 'content-type': 'application/json', ...headers },
  });
}

export function challengeResponse(challenge: Challenge): Response {
  return refusalResponse(challenge, {
    ...(challenge.wwwAuthenticate === null ? {} : { 'www-authenticate': challenge.wwwAuthenticate }),
    ...(challenge.retryAfterSeconds === null ? {} : { 'retry-after': String(challenge.retryAfterSeconds) }),
  });
}

/** A body that is no JSON-RPC message is answered as one, because its sender reads nothing else. */
export function parseErrorResponse(refusal: Refusal): Response {
  const { code, message } = refusal;
  const error = { code: -32_700, message: `Parse error: ${message}`, data: { code, hint: HINT[code] } };
  return new Response(JSON.stringify({ jsonrpc: '2.0', id: null, error }), {
    status: HTTP_STATUS[code],
    headers: { 'content-type': 'application/json' },
  });
}

/** For bytes that never became a request: written to the socket as they are. */
export function rawRefusal(refusal: Pick<Refusal, 'code' | 'message'>): string {
  const status = HTTP_STATUS[refusal.code];
  const body = errorBody(refusal);
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
