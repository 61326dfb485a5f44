/**
 * How the bytes of a file are read as text and written back. Editing happens on UTF-8 bytes; every byte that a patch
 * does not touch comes back as it was, whatever the encoding. What cannot be kept is refused by name.
 */
import { unreachable } from '@agentbox/base';
import { concatBytes, decodeUtf8, encodeUtf8, scanUtf8 } from './utf8.ts';

/** `damaged`: mostly UTF-8 with foreign bytes, which stay in place. `latin-1`: no sound UTF-8 sequence at all. */
export type Encoding = 'utf-8' | 'utf-8-bom' | 'utf-16le' | 'utf-16be' | 'latin-1' | 'damaged';

export type Decoded =
  | { readonly kind: 'text'; readonly encoding: Encoding; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: string };

export type Encoded =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: string };

const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);
const WAY_OUT = 'convert it to UTF-8 with a command such as iconv, or edit it with a command';

function startsWith(bytes: Uint8Array, ...head: readonly number[]): boolean {
  return head.every((byte, index) => bytes[index] === byte);
}

/** To UTF-8 and back again, so that one way of editing serves every encoding. */
function decodeUtf16(bytes: Uint8Array, little: boolean): Decoded {
  const encoding = little ? 'utf-16le' : 'utf-16be';
  if (bytes.length % 2 !== 0) {
    return { kind: 'refused', reason: `the file is ${encoding} with an odd number of bytes; ${WAY_OUT}` };
  }
  const parts: string[] = [];
  for (let at = 2; at < bytes.length; at += 2) {
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    parts.push(String.fromCharCode(little ? first | (second << 8) : (first << 8) | second));
  }
  const text = parts.join('');
  const inner = encodeUtf8(text);
  // Lone surrogates have no UTF-8 form, so they could not be told from foreign bytes afterwards.
  if (scanUtf8(inner).firstBad >= 0) {
    return { kind: 'refused', reason: `the file is not sound ${encoding}; ${WAY_OUT}` };
  }
  return { kind: 'text', encoding, bytes: inner };
}

/** Every byte becomes one character, which comes back as the same byte. */
function widenLatin1(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length * 2);
  let size = 0;
  for (const byte of bytes) {
    if (byte < 0x80) out[size++] = byte;
    else {
      out[size++] = 0xc0 | (byte >> 6);
      out[size++] = 0x80 | (byte & 0x3f);
    }
  }
  return out.slice(0, size);
}

/** A byte order mark decides; without one, sound UTF-8 does. UTF-32 comes first, because its mark begins as UTF-16's does. */
export function decodeFile(bytes: Uint8Array): Decoded {
  if (startsWith(bytes, 0xff, 0xfe, 0, 0) || startsWith(bytes, 0, 0, 0xfe, 0xff)) {
    return { kind: 'refused', reason: `the file is UTF-32; ${WAY_OUT}` };
  }
  if (startsWith(bytes, 0xff, 0xfe)) return decodeUtf16(bytes, true);
  if (startsWith(bytes, 0xfe, 0xff)) return decodeUtf16(bytes, false);
  const marked = startsWith(bytes, 0xef, 0xbb, 0xbf);
  const body = marked ? bytes.subarray(3) : bytes;
  const scan = scanUtf8(body);
  if (marked) return { kind: 'text', encoding: 'utf-8-bom', bytes: body };
  if (scan.firstBad < 0) return { kind: 'text', encoding: 'utf-8', bytes: body };
  if (scan.multibyte > 0) return { kind: 'text', encoding: 'damaged', bytes: body };
  return { kind: 'text', encoding: 'latin-1', bytes: widenLatin1(body) };
}

function encodeUtf16(bytes: Uint8Array, little: boolean): Uint8Array {
  const text = `\ufeff${decodeUtf8(bytes)}`;
  const out = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    out[index * 2 + (little ? 0 : 1)] = unit & 0xff;
    out[index * 2 + (little ? 1 : 0)] = unit >> 8;
  }
  return out;
}

/** Fails on an added line with a character that the file's encoding has no byte for. */
function narrowLatin1(bytes: Uint8Array): Encoded {
  const text = decodeUtf8(bytes);
  const out = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0xff) {
      const character = String.fromCodePoint(text.codePointAt(index) ?? 0);
      return { kind: 'refused', reason: `the file is not UTF-8 and '${character}' is not in Latin-1; ${WAY_OUT}` };
    }
    out[index] = code;
  }
  return { kind: 'bytes', bytes: out };
}

/** The inverse of `decodeFile` for whatever the patch has left unchanged. */
export function encodeFile(bytes: Uint8Array, encoding: Encoding): Encoded {
  switch (encoding) {
    case 'utf-8':
    case 'damaged':
      return { kind: 'bytes', bytes };
    case 'utf-8-bom':
      return { kind: 'bytes', bytes: concatBytes([BOM, bytes]) };
    case 'utf-16le':
      return { kind: 'bytes', bytes: encodeUtf16(bytes, true) };
    case 'utf-16be':
      return { kind: 'bytes', bytes: encodeUtf16(bytes, false) };
    case 'latin-1':
      return narrowLatin1(bytes);
    default:
      return unreachable(encoding);
  }
}
