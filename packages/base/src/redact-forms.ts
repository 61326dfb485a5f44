/** The forms in which a secret value may be printed: as it is, encoded, escaped or reversed. Pure. */

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (const shift of [18, 12, 6, 0]) text += BASE64.charAt((group >> shift) & 63);
  }
  return text;
}

/**
 * The characters of the secret's base64 that stay the same whatever stands before and after it: one text for each of
 * the three positions that the secret may have within a group of three bytes.
 */
function base64Cores(bytes: Uint8Array): readonly string[] {
  return [0, 1, 2].map((lead) => {
    const shifted = new Uint8Array(lead + bytes.length);
    shifted.set(bytes, lead);
    const first = Math.ceil((lead * 8) / 6);
    const end = Math.floor((shifted.length * 8) / 6);
    return base64(shifted).slice(first, end);
  });
}

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Every byte outside the unreserved set as %XX; lone surrogates were replaced when the bytes were made. */
function percentEncode(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9\-._~]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

const lowerEscapes = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());

/** Distinct texts that give the value away, the value itself first. */
export function redactionForms(value: string): readonly string[] {
  const bytes = new TextEncoder().encode(value);
  const cores = base64Cores(bytes);
  const percent = percentEncode(bytes);
  return [
    ...new Set([
      value,
      Array.from(value).toReversed().join(''),
      JSON.stringify(value).slice(1, -1),
      toHex(bytes),
      toHex(bytes).toUpperCase(),
      percent,
      lowerEscapes(percent),
      percent.replaceAll('%20', '+'),
      encodeURIComponent(value.toWellFormed()),
      ...cores,
      ...cores.map((core) => core.replaceAll('+', '-').replaceAll('/', '_')),
    ]),
  ];
}
