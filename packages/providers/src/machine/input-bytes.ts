/** What write_stdin sends for text and named keys. Pure. */
import type { KeyName } from '@agentbox/protocol';

const ENCODER = new TextEncoder();
const ESC = '\u001b';

/** Sequences of xterm in its normal modes, which every terminfo entry of that family understands. */
const TERMINAL_KEYS: Readonly<Record<Exclude<KeyName, `ctrl-${string}`>, string>> = {
  enter: '\r',
  tab: '\t',
  backtab: `${ESC}[Z`,
  escape: ESC,
  space: ' ',
  backspace: '\u007f',
  delete: `${ESC}[3~`,
  insert: `${ESC}[2~`,
  up: `${ESC}[A`,
  down: `${ESC}[B`,
  right: `${ESC}[C`,
  left: `${ESC}[D`,
  home: `${ESC}[H`,
  end: `${ESC}[F`,
  'page-up': `${ESC}[5~`,
  'page-down': `${ESC}[6~`,
  f1: `${ESC}OP`,
  f2: `${ESC}OQ`,
  f3: `${ESC}OR`,
  f4: `${ESC}OS`,
  f5: `${ESC}[15~`,
  f6: `${ESC}[17~`,
  f7: `${ESC}[18~`,
  f8: `${ESC}[19~`,
  f9: `${ESC}[20~`,
  f10: `${ESC}[21~`,
  f11: `${ESC}[23~`,
  f12: `${ESC}[24~`,
};

function keyText(key: KeyName, tty: boolean): string {
  if (key === 'enter' && !tty) return '\n';
  return isControlKey(key) ? String.fromCharCode(key.charCodeAt(5) & 0x1f) : TERMINAL_KEYS[key];
}

function isControlKey(key: KeyName): key is Extract<KeyName, `ctrl-${string}`> {
  return key.startsWith('ctrl-');
}

const PASTE_START = `${ESC}[200~`;
const PASTE_END = `${ESC}[201~`;

/** The end mark inside the text would let the rest of it act as typed keys. */
function pasted(chars: string): string {
  return `${PASTE_START}${chars.replaceAll(PASTE_END, '')}${PASTE_END}`;
}

export function inputBytes(
  asked: { readonly chars: string; readonly keys: readonly KeyName[]; readonly paste: boolean },
  tty: boolean,
): Uint8Array {
  // On a pipe it ends the input, and as a byte it would be part of it.
  const keys = !tty && asked.keys.at(-1) === 'ctrl-d' ? asked.keys.slice(0, -1) : asked.keys;
  const text = asked.paste && tty && asked.chars !== '' ? pasted(asked.chars) : asked.chars;
  return ENCODER.encode(text.toWellFormed() + keys.map((key) => keyText(key, tty)).join(''));
}

/** What a pipe cannot carry as a byte: the key is the signal that a terminal would send. */
export function signalOf(asked: { readonly chars: string; readonly keys: readonly KeyName[] }): string | null {
  const [key, ...others] = asked.keys;
  if (asked.chars === '\u0003' && key === undefined) return 'INT';
  if (asked.chars === '\u001c' && key === undefined) return 'QUIT';
  if (asked.chars !== '' || others.length > 0) return null;
  if (key === 'ctrl-c') return 'INT';
  return key === 'ctrl-\\' ? 'QUIT' : null;
}
