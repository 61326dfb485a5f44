/** Parts of documents that are generated stand between two marks. */

/** Replaces what stands between the two marks of `name`; null when the marks are missing. */
export function withGenerated(text: string, name: string, body: string): string | null {
  const [open, close] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) return null;
  return `${text.slice(0, from + open.length)}\n${body}\n${text.slice(to)}`;
}
