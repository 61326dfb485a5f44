/** Requirements of the area `output`: what a model reads of what programs print. */
import type { Requirements } from '../requirement.ts';

export const output = {
  'output.utf8.split-characters': {
    text: 'A character that is split over two reads arrives whole in the second one, never as U+FFFD.',
    source: 'spec exec 6.3',
  },
  'output.utf8.bad-bytes': {
    text: 'Bytes that are not UTF-8 become one U+FFFD for each ill-formed sequence and mark the output as binary.',
    source: 'spec exec 6.3',
  },
  'output.clean.codes-removed': {
    text: 'Colours, titles, character sets and device strings leave no character behind.',
    source: 'spec exec 6.5',
  },
  'output.clean.progress-folded': {
    text: 'A progress display of a hundred steps takes at most two lines, and the last state is what stays.',
    source: 'spec exec 6.5',
  },
  'output.clean.redraws-folded': {
    text: 'Lines that a program goes up to and redraws appear once, in their last state.',
    source: 'spec exec 6.5',
  },
  'output.clean.matches-terminal': {
    text: 'Line editing gives the same lines as a terminal emulator shows.',
  },
  'output.clean.overstrike': {
    text: 'Backspaces are applied: overstruck and underlined text reads as plain text.',
    source: 'spec exec 6.5',
  },
  'output.clean.line-ends': {
    text: 'Lines end in LF, tabs stay, every other control character is gone, and plain text is not changed.',
    source: 'spec exec 6.5',
  },
  'output.clean.invisible-made-visible': {
    text: 'Bidirectional controls, zero-width characters and C1 controls are shown by their code points.',
    source: 'spec security 85',
  },
  'output.clean.nothing-hidden': {
    text: 'An escape string that nobody ends cannot swallow what is printed after it.',
    source: 'spec security 86',
  },
  'output.clean.chunks-join': {
    text: 'An escape sequence that is cut by a read is held back whole, and the joined chunks equal the whole.',
    source: 'spec exec 6.3',
  },
  'output.clean.linear': {
    text: 'Cleaning takes time in proportion to the length, on hostile text too.',
  },
  'output.clean.alternate-screen': {
    text: 'What was drawn on an alternate screen does not enter the text; the result says that there was one.',
    source: 'spec exec 6.5',
  },
  'output.screen.grid': {
    text: 'A screen program is shown as the lines of its screen with cursor and title, without trailing blanks.',
    source: 'spec exec 6.5',
  },
  'output.screen.bounded': {
    text: 'Rendering a screen plays at most the last MiB, takes bounded time, and leaves nothing behind.',
  },
  'output.truncate.codex-text': {
    text: 'In codex form the text below `Output:` is byte for byte what Codex gives.',
    source: 'spec exec 2.2, observed',
  },
  'output.truncate.line-ends': {
    text: 'Output over its budget shows head and tail, cut at line ends, within the budget.',
    source: 'spec exec 6.4',
  },
  'output.truncate.exact-omission': {
    text: 'The result says which limit was hit and exactly which bytes, lines and tokens are left out.',
    source: 'spec exec 6.4',
  },
} as const satisfies Requirements;
