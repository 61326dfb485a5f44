/** Arguments of write_stdin. */
import { z } from 'zod';
import { format, outputTokens, raw } from './exec-command.ts';
import { flag, MAX_INPUT_CHARS, sessionId, whole, word } from './fields.ts';

/** Keys by name; a terminal gets their sequences, a pipe their control characters. */
export const KEY_NAMES = [
  'enter',
  'tab',
  'backtab',
  'escape',
  'space',
  'backspace',
  'delete',
  'insert',
  'up',
  'down',
  'left',
  'right',
  'home',
  'end',
  'page-up',
  'page-down',
  'f1',
  'f2',
  'f3',
  'f4',
  'f5',
  'f6',
  'f7',
  'f8',
  'f9',
  'f10',
  'f11',
  'f12',
  'ctrl-a',
  'ctrl-b',
  'ctrl-c',
  'ctrl-d',
  'ctrl-e',
  'ctrl-f',
  'ctrl-g',
  'ctrl-k',
  'ctrl-l',
  'ctrl-n',
  'ctrl-o',
  'ctrl-p',
  'ctrl-q',
  'ctrl-r',
  'ctrl-s',
  'ctrl-t',
  'ctrl-u',
  'ctrl-v',
  'ctrl-w',
  'ctrl-x',
  'ctrl-y',
  'ctrl-z',
  'ctrl-\\',
] as const;
export type KeyName = (typeof KEY_NAMES)[number];

const MAX_KEYS = 256;

export const writeStdinInput = z.strictObject({
  session_id: sessionId,
  chars: word(
    MAX_INPUT_CHARS,
    'Text to type, "\\n" for Enter; empty or left out only waits for output. "\\u0003" interrupts.',
  ).optional(),
  keys: z
    .array(z.enum(KEY_NAMES))
    .max(MAX_KEYS)
    .describe('Keys pressed after `chars`, such as ["down", "enter"].')
    .optional(),
  eof: flag('End the input after the text.'),
  paste: flag('Send `chars` as one bracketed paste, so that an editor or shell does not act on its line ends.'),
  yield_time_ms: whole(
    0,
    Number.MAX_SAFE_INTEGER,
    'Milliseconds to wait: for what follows input default 250 (held to 250 to 30000), without input default 5000 (held to 5000 to 300000).',
  ),
  max_output_tokens: outputTokens,
  since: whole(0, Number.MAX_SAFE_INTEGER, 'Answer from this cursor on instead of where the last answer ended.'),
  raw,
  format,
});

export type WriteStdinInput = z.output<typeof writeStdinInput>;
