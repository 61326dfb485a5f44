/**
 * Reads the server name out of the first message of TLS. Pure; nothing is decrypted. RFC 8446 section 4.1.2 and
 * RFC 6066 section 3. Two names, or lengths that contradict each other, are refused: servers read those differently.
 */

export type Hello =
  | { readonly kind: 'more' }
  | { readonly kind: 'hello'; readonly serverName: string | null }
  | { readonly kind: 'refused'; readonly reason: string };

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const MAX_RECORD = 16_384;
/** Bytes of the longest message that is read; one with post-quantum keys has about 2,000. */
export const MAX_HELLO = 16_384;

const refused = (reason: string): Hello => ({ kind: 'refused', reason });
const MORE: Hello = { kind: 'more' };

export function readClientHello(bytes: Buffer): Hello {
  const message = joinRecords(bytes);
  if (!Buffer.isBuffer(message)) return message;
  if (message.length < 4) return MORE;
  if (message[0] !== CLIENT_HELLO) return refused('the first TLS message is no ClientHello');
  const length = message.readUIntBE(1, 3);
  if (length > MAX_HELLO) return refused('the ClientHello is too long');
  if (message.length < 4 + length) return MORE;
  return readNames(message.subarray(4, 4 + length)) ?? refused('the ClientHello is malformed');
}

/** The handshake bytes of the records so far: a message may be spread over several. */
function joinRecords(bytes: Buffer): Buffer | Hello {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < bytes.length && parts.length <= MAX_HELLO) {
    if (bytes[at] !== HANDSHAKE || (at + 1 < bytes.length && bytes[at + 1] !== 3))
      return parts.length > 0 ? Buffer.concat(parts) : refused('what was sent is not TLS');
    if (at + 5 > bytes.length) break;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD) return refused('a TLS record has a wrong length');
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return Buffer.concat(parts);
}

/** A run of bytes with its length in front; null when it does not fit. */
function run(bytes: Buffer, at: number, width: 1 | 2): Buffer | null {
  if (at + width > bytes.length) return null;
  const end = at + width + bytes.readUIntBE(at, width);
  return end > bytes.length ? null : bytes.subarray(at + width, end);
}

function readNames(hello: Buffer): Hello | null {
  const session = run(hello, 34, 1);
  const ciphers = session && run(hello, 35 + session.length, 2);
  if (session === null || ciphers === null) return null;
  const at = 37 + session.length + ciphers.length;
  const compression = run(hello, at, 1);
  if (compression === null) return null;
  const end = at + 1 + compression.length;
  if (end === hello.length) return { kind: 'hello', serverName: null };
  const extensions = run(hello, end, 2);
  if (extensions === null || end + 2 + extensions.length !== hello.length) return null;
  return nameIn(extensions);
}

function nameIn(extensions: Buffer): Hello | null {
  let serverName: string | null = null;
  for (let at = 0; at < extensions.length; ) {
    const body = run(extensions, at + 2, 2);
    if (body === null) return null;
    if (extensions.readUInt16BE(at) === SERVER_NAME) {
      const name = onlyName(body);
      if (name === null || serverName !== null) return null;
      serverName = name;
    }
    at += 4 + body.length;
  }
  return { kind: 'hello', serverName };
}

function onlyName(body: Buffer): string | null {
  const list = run(body, 0, 2);
  if (list === null || list.length + 2 !== body.length || list[0] !== 0) return null;
  const name = run(list, 1, 2);
  return name === null || name.length === 0 || name.length + 3 !== list.length ? null : name.toString('latin1');
}
