/** A command line as words, as a POSIX shell divides it without expanding anything, and words as a command line. */

/** Null when a quote or a backslash has no end. */
export function splitWords(text: string): readonly string[] | null {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && ' \t\n'.includes(text.charAt(at))) at += 1;
    if (text[at] === '#') {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end;
      continue;
    }
    if (at >= text.length) return words;
    const word = readWord(text, at);
    if (word === null) return null;
    words.push(word.text);
    at = word.end;
  }
}

interface Word {
  readonly text: string;
  readonly end: number;
}

function readWord(text: string, from: number): Word | null {
  let out = '';
  let at = from;
  while (at < text.length && !' \t\n'.includes(text.charAt(at))) {
    const char = text.charAt(at);
    if (char === "'") {
      const end = text.indexOf("'", at + 1);
      if (end === -1) return null;
      out += text.slice(at + 1, end);
      at = end + 1;
    } else if (char === '"') {
      const quoted = readDouble(text, at + 1);
      if (quoted === null) return null;
      out += quoted.text;
      at = quoted.end;
    } else if (char === '\\') {
      const next = text.charAt(at + 1);
      if (next === '') return null;
      at += 2;
      if (next === '\n') continue;
      out += next;
    } else {
      out += char;
      at += 1;
    }
  }
  return { text: out, end: at };
}

function readDouble(text: string, from: number): { readonly text: string; readonly end: number } | null {
  let out = '';
  let at = from;
  while (text[at] !== '"') {
    const char = text[at];
    if (char === undefined) return null;
    const next = text.charAt(at + 1);
    if (char !== '\\') {
      out += char;
      at += 1;
    } else if (next === '') return null;
    else {
      if (next !== '\n') out += '$`"\\'.includes(next) ? next : `\\${next}`;
      at += 2;
    }
  }
  return { text: out, end: at + 1 };
}

/** Words as a person would type them. */
export function joinWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[A-Za-z0-9%+,./:=@_-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`))
    .join(' ');
}
