/** A path inside matching quotation marks, without them; null when there are none. */
export function unquoted(path: string): string | null {
  const mark = path.charAt(0);
  const quoted = path.length > 2 && (mark === '"' || mark === "'" || mark === '`') && path.endsWith(mark);
  return quoted ? path.slice(1, -1) : null;
}
