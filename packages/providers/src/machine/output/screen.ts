/**
 * What stands on the screen of a program that draws one (less, vim, top). The terminal behind it is a port, so that the
 * grid does not depend on the library that plays the bytes.
 */
import { revealInvisible } from './reveal-invisible.ts';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export interface RenderedScreen {
  /** without trailing blanks, and without the empty lines below the last text */
  readonly lines: readonly string[];
  /** from 0 */
  readonly cursor: { readonly row: number; readonly column: number; readonly visible: boolean };
  readonly altScreen: boolean;
  readonly title: string;
  /** whether older bytes were left out to bound the time */
  readonly clipped: boolean;
}

/** A terminal that is fed once and read once. */
export interface ScreenTerminal extends Disposable {
  write(bytes: Uint8Array): Promise<void>;
  /** every row of the visible screen, as it is */
  lines(): readonly string[];
  cursor(): RenderedScreen['cursor'];
  altScreen(): boolean;
  title(): string;
}

/** bytes that are played at most: the last ones */
export const MAX_SCREEN_BYTES = 1_048_576;
const MAX_TITLE_CHARS = 200;
const MAX_SIDE = 500;

export async function renderOn(
  open: (size: ScreenSize) => ScreenTerminal,
  bytes: Uint8Array,
  size: ScreenSize,
): Promise<RenderedScreen> {
  const clipped = bytes.length > MAX_SCREEN_BYTES;
  using terminal = open({ columns: side(size.columns), rows: side(size.rows) });
  await terminal.write(clipped ? fromSequence(bytes.subarray(bytes.length - MAX_SCREEN_BYTES)) : bytes);
  const lines = terminal.lines().map((line) => revealInvisible(line.trimEnd()));
  while (lines.at(-1) === '') lines.pop();
  return {
    lines,
    cursor: terminal.cursor(),
    altScreen: terminal.altScreen(),
    title: revealInvisible(terminal.title()).slice(0, MAX_TITLE_CHARS),
    clipped,
  };
}

function side(cells: number): number {
  return Math.min(Math.max(Math.trunc(cells), 2), MAX_SIDE);
}

/** A clipped beginning may stand inside a sequence: what is before the first ESC or line end is noise. */
function fromSequence(bytes: Uint8Array): Uint8Array {
  const start = bytes.subarray(0, 4096).findIndex((byte) => byte === 0x1b || byte === 0x0a);
  return start > 0 ? bytes.subarray(start) : bytes;
}
