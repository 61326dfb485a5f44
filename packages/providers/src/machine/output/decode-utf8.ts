/**
 * Bytes to text, safe across reads: a character whose end has not come yet is held back and never becomes U+FFFD.
 * Bytes that are not UTF-8 become one U+FFFD for each ill-formed sequence, and the result says `binary`.
 */

export interface DecodedText {
  readonly text: string;
  /** bytes at the end that begin a character which is not whole yet, 0 to 3: read on from before them */
  readonly heldBytes: number;
  /** whether some bytes were not UTF-8, so that only the raw bytes are faithful */
  readonly binary: boolean;
}

/** `atEnd` says that no more bytes come: an unfinished character is then a bad one. */
export function decodeUtf8(bytes: Uint8Array, options: { readonly atEnd?: boolean } = {}): DecodedText {
  const heldBytes = options.atEnd === true ? 0 : unfinishedBytes(bytes);
  const whole = bytes.subarray(0, bytes.length - heldBytes);
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(whole), heldBytes, binary: false };
  } catch {
    return { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole), heldBytes, binary: true };
  }
}

function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const lead = bytes[bytes.length - back] ?? 0;
    if (lead < 0x80) return 0;
    if (lead >= 0xc0) return back < lengthFromLead(lead) && canFollow(lead, bytes[bytes.length - back + 1]) ? back : 0;
  }
  return 0;
}

function lengthFromLead(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/** The second byte rules out overlong forms, surrogates and what lies beyond U+10FFFF. */
function canFollow(lead: number, second: number | undefined): boolean {
  if (second === undefined) return true;
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90;
  if (lead === 0xf4) return second <= 0x8f;
  return true;
}
