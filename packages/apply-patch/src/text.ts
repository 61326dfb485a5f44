/**
 * White space and lines as the patch grammar means them. The set is Unicode's White_Space, which differs from what
 * String.trim removes (a byte order mark is text here, NEXT LINE is white), so nothing in this room calls String.trim.
 */
const OTHER_WHITE: ReadonlySet<number> = new Set([
  0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a,
  0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
]);

function isWhite(code: number): boolean {
  return (code >= 9 && code <= 13) || OTHER_WHITE.has(code);
}

function trimStart(text: string): string {
  let from = 0;
  while (from < text.length && isWhite(text.charCodeAt(from))) from += 1;
  return text.slice(from);
}

export function trimEnd(text: string): string {
  let to = text.length;
  while (to > 0 && isWhite(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(0, to);
}

export function trim(text: string): string {
  return trimStart(trimEnd(text));
}

/** The lines of a text; a line ends in LF or CRLF, and a final line end opens no further line. */
export function linesOf(text: string): readonly string[] {
  if (text === '') return [];
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines.at(-1) === '' && text.endsWith('\n')) lines.pop();
  return lines;
}
