/**
 * What a person would see of a terminal's text, for a model: no escape sequences, progress folded to its last state,
 * LF line ends, invisible characters made visible. Pure; never cuts an escape sequence at the end of a chunk.
 */
import { type FoldOptions, foldTerminal, type ScreenUse } from './fold-terminal.ts';
import { revealInvisible } from './reveal-invisible.ts';

export interface CleanedOutput {
  readonly text: string;
  /** characters (UTF-16) of the input that are left for the next chunk */
  readonly heldChars: number;
  /** the same in bytes of UTF-8: the reader's cursor stays this far before the end */
  readonly heldBytes: number;
  /** not `none`: renderScreen shows better what the program drew */
  readonly screen: ScreenUse;
  /** alternate screens that were opened and left again: what was on them is not in `text` */
  readonly closedScreens: number;
}

export function cleanOutput(text: string, options: FoldOptions = {}): CleanedOutput {
  const folded = foldTerminal(text, options);
  return {
    text: revealInvisible(folded.text),
    heldChars: folded.heldChars,
    heldBytes: folded.heldChars === 0 ? 0 : Buffer.byteLength(text.slice(text.length - folded.heldChars)),
    screen: folded.screen,
    closedScreens: folded.closedScreens,
  };
}
