/**
 * Remembers what the programs of a session did to the terminal, so that leaving it can undo exactly that. Reads the
 * bytes that pass; a sequence may lie across two chunks.
 */

/** What undoes each private mode that a program may leave on. */
const UNDO: ReadonlyMap<string, string> = new Map([
  ['1', '\u001B[?1l'],
  ['25', '\u001B[?25h'],
  ['47', '\u001B[?47l'],
  ['1000', '\u001B[?1000l'],
  ['1002', '\u001B[?1002l'],
  ['1003', '\u001B[?1003l'],
  ['1004', '\u001B[?1004l'],
  ['1006', '\u001B[?1006l'],
  ['1047', '\u001B[?1047l'],
  ['1049', '\u001B[?1049l'],
  ['2004', '\u001B[?2004l'],
  ['2026', '\u001B[?2026l'],
]);

const MODE = /\u001B\[\?([\d;]+)([hl])/g;
/** the longest beginning of a sequence that is kept for the next chunk */
const CARRY_CHARS = 32;

export class TerminalModes {
  readonly #changed = new Set<string>();
  #carry = '';

  see(bytes: Uint8Array): void {
    const text = this.#carry + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    for (const [, modes = '', letter] of text.matchAll(MODE)) {
      for (const mode of modes.split(';')) this.#set(mode, letter === 'h');
    }
    const open = text.lastIndexOf('\u001B');
    this.#carry =
      open >= 0 && text.length - open < CARRY_CHARS && !/[a-z]/i.test(text.slice(open)) ? text.slice(open) : '';
  }

  /** Colours and the keypad are always put back: that costs nothing when they were not touched. */
  undo(): string {
    const modes = [...this.#changed].map((mode) => UNDO.get(mode) ?? '').join('');
    return `${modes}\u001B>\u001B[0m`;
  }

  /** A visible cursor is the normal state; every other mode is normally off. */
  #set(mode: string, isOn: boolean): void {
    if (!UNDO.has(mode)) return;
    if (isOn === (mode === '25')) this.#changed.delete(mode);
    else this.#changed.add(mode);
  }
}
