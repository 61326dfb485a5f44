/** The terminal cleaner on any bytes: no throw, no control character left, nothing lost between chunks, bounded growth. */
import assert from 'node:assert/strict';
import {
  cleanOutput,
  codexSource,
  codexText,
  decodeUtf8,
} from '../../../packages/providers/src/machine/output/index.ts';

/** the longest that one character becomes (`<U+10FFFF>`), and room for rows and columns that a cursor opens */
const MAX_GROWTH = 10;
const MAX_OPENED = 200;

function check(bytes: Uint8Array): void {
  const decoded = decodeUtf8(bytes);
  assert.ok(decoded.heldBytes <= 3);
  const whole = cleanOutput(decoded.text, { atEnd: true });
  assert.doesNotMatch(whole.text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  assert.ok(whole.text.isWellFormed());
  assert.ok(whole.text.length <= (decoded.text.length + 1) * (MAX_GROWTH + MAX_OPENED));
  const open = cleanOutput(decoded.text);
  assert.ok(open.heldChars <= decoded.text.length);
  assert.equal(open.heldBytes, Buffer.byteLength(decoded.text.slice(decoded.text.length - open.heldChars)));
  const again = cleanOutput(whole.text, { atEnd: true });
  assert.equal(again.text, whole.text, 'what is clean stays as it is');
  codexText(codexSource(bytes), bytes[0] ?? 0);
}

export const terminalCleaner = {
  name: 'terminal-cleaner',
  seeds: [
    '\rstep 1%\rstep 2%\n',
    '\x1b[1;31mred\x1b[0m\x1b]0;title\x07\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\',
    'a\nb\n\x1b[2A\x1b[Jc\x1b[3P\x1b[2@\x1b[5X\x1b[K\x1b[1K\x1b[2K',
    '\x1b7\x1b[24;1Hstatus\x1b8text\x1b[s\x1b[u',
    '\x1b[?1049h\x1b[2J\x1b[1;1Hscreen\x1b[?1049l',
    'N\bN_\bx 进\b\b度\t\x1b(0\x0e',
    '\u202eabc\u200b\ufeff 👨‍👩‍👧 \ud83d',
    '\x1bPq#0;2;0;0;0\x1b\\\x1b_x\x1b\\\x1b^y\x18z\x9b31m',
  ].map((text) => new TextEncoder().encode(text)),
  dictionary: [
    '\x1b[',
    '\x1b]',
    '\x1b\\',
    '\x1b7',
    '\x1b8',
    '?1049h',
    '?1049l',
    '9999',
    ';',
    'H',
    'J',
    'K',
    'A',
    'P',
    '\r',
    '\b',
    '\n',
    '\u200d',
    '\ufe0f',
    '进',
  ],
  run: check,
} as const;
