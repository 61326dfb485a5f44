/** Watches a terminal's output for the switch to the alternate screen, across chunk borders. */
const SWITCH = /\x1b\[\?(?:1049|1047|47)([hl])/g;
/** longest switch sequence less one byte */
const CARRY_BYTES = 7;
const ESCAPE = 0x1b;

export class ScreenScanner {
  #carry: Uint8Array = new Uint8Array(0);
  #since: number | null = null;

  /** where the screen program that is drawing now began */
  get since(): number | null {
    return this.#since;
  }

  /** `offset` is that of the chunk's first byte. */
  push(chunk: Uint8Array, offset: number): void {
    if (this.#carry.length === 0 && !chunk.includes(ESCAPE)) return;
    const bytes = Buffer.concat([this.#carry, chunk]);
    const start = offset - this.#carry.length;
    for (const match of bytes.toString('latin1').matchAll(SWITCH)) {
      if (match[1] === 'l') this.#since = null;
      else this.#since ??= start + match.index;
    }
    const escape = bytes.lastIndexOf(ESCAPE);
    // An escape that is further back than any switch is long is no switch any more.
    this.#carry = escape >= 0 && bytes.length - escape <= CARRY_BYTES ? bytes.subarray(escape) : new Uint8Array(0);
  }
}
