/** SOCKS5 (RFC 1928): CONNECT without authentication. Names are looked up by the proxy, never by the command. */
import type { ByteReader } from './byte-reader.ts';
import { denied, socksReplyFor } from './refusal.ts';
import type { Session } from './session.ts';
import { runTunnel } from './tunnel.ts';
import { within } from './within.ts';

export type SocksRequest =
  | { readonly kind: 'more' }
  | { readonly kind: 'refused'; readonly reply: number }
  | { readonly kind: 'request'; readonly command: number; readonly host: string; readonly port: number };

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const NO_METHOD = 0xff;
const CONNECT = 1;
const SUCCEEDED = 0;
const FAILURE = 1;
const COMMAND_UNKNOWN = 7;
const ADDRESS_UNKNOWN = 8;

/** The address is left out: where the host connects from is not the command's business. */
const reply = (code: number): Uint8Array => Uint8Array.of(VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0);

/** Reads the second message. Pure. */
export function parseSocksRequest(bytes: Buffer): SocksRequest {
  if (bytes.length < 5) return { kind: 'more' };
  const [version, command = 0, , type, length = 0] = bytes;
  if (version !== VERSION) return { kind: 'refused', reply: FAILURE };
  const from = type === 3 ? 5 : 4;
  const size = type === 1 ? 4 : type === 4 ? 16 : type === 3 ? length : -1;
  if (size < 0) return { kind: 'refused', reply: ADDRESS_UNKNOWN };
  if (bytes.length < from + size + 2) return { kind: 'more' };
  const port = bytes.readUInt16BE(from + size);
  return { kind: 'request', command, host: hostIn(bytes.subarray(from, from + size), type), port };
}

function hostIn(bytes: Buffer, type: number | undefined): string {
  if (type === 1) return bytes.join('.');
  if (type === 3) return bytes.toString('latin1');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return `[${groups.join(':')}]`;
}

async function greet(reader: ByteReader): Promise<boolean> {
  const start = await reader.atLeast(2);
  const count = start?.[1] ?? 0;
  if ((await reader.atLeast(2 + count)) === undefined) return false;
  return reader
    .take(2 + count)
    .subarray(2)
    .includes(NO_AUTHENTICATION);
}

async function readRequest(reader: ByteReader): Promise<SocksRequest> {
  for (;;) {
    const request = parseSocksRequest(reader.held);
    if (request.kind !== 'more' || !(await reader.more())) return request;
  }
}

async function handshake(session: Session): Promise<SocksRequest> {
  const { client, reader } = session;
  if (!(await greet(reader))) {
    session.hangUp(Uint8Array.of(VERSION, NO_METHOD));
    return { kind: 'more' };
  }
  client.write(Uint8Array.of(VERSION, NO_AUTHENTICATION));
  return readRequest(reader);
}

/** Bytes of a request that was parsed. */
const sizeOf = (bytes: Buffer): number => ({ 1: 10, 3: 7 + (bytes[4] ?? 0), 4: 22 })[bytes[3] ?? 0] ?? 0;

export async function serveSocks5(session: Session): Promise<void> {
  const { client, reader, gate, limits } = session;
  const request = await within(limits.headMs, session.gone, async () => handshake(session));
  if (request === null || request.kind === 'more') return session.hangUp();
  if (request.kind === 'refused') return session.hangUp(reply(request.reply));
  reader.take(sizeOf(reader.held));
  const asked = { protocol: 'socks5', host: request.host, port: request.port } as const;
  if (request.command !== CONNECT || request.port === 0) {
    gate.refuse(asked, denied('SOCKS5 is served for CONNECT only'));
    return session.hangUp(reply(COMMAND_UNKNOWN));
  }
  const opened = await session.open(asked);
  if (opened.kind === 'refused') return session.hangUp(reply(socksReplyFor(opened.refusal)));
  client.write(reply(SUCCEEDED));
  await runTunnel({ ...session.tunnelTo(asked, opened), mustBeTls: false });
}
