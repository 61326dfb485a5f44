/** Text for a person: aligned, coloured on a terminal and plain in a pipe. Knows nothing of what it shows. */
import type { Io } from '../io.ts';

export type Tone = 'plain' | 'strong' | 'quiet' | 'good' | 'doubt' | 'bad' | 'link';

const SGR: Readonly<Record<Tone, readonly [number, number] | null>> = {
  plain: null,
  strong: [1, 22],
  quiet: [2, 22],
  good: [32, 39],
  doubt: [33, 39],
  bad: [31, 39],
  link: [36, 39],
};

export type Paint = (tone: Tone, text: string) => string;

export interface Screen {
  readonly paint: Paint;
  readonly isTerminal: boolean;
  readonly columns: number;
  line(text?: string): void;
  /** label and value, the values under each other; an empty label is an empty line */
  pairs(rows: readonly (readonly [label: string, value: string])[]): void;
  table(head: readonly string[], rows: readonly (readonly string[])[]): void;
}

export function screenOn(stream: NodeJS.WriteStream, env: Io['env']): Screen {
  const isTerminal = stream.isTTY;
  const paint = painter(isTerminal && hasColour(env));
  const columns = isTerminal ? stream.columns : Number.POSITIVE_INFINITY;
  const line = (text = ''): void => void stream.write(`${text}\n`);
  return {
    paint,
    isTerminal,
    columns,
    line,
    pairs: (rows) => {
      const width = Math.max(...rows.map(([label]) => label.length));
      for (const [label, value] of rows)
        line(label === '' ? '' : `  ${paint('quiet', label.padEnd(width))}   ${value}`);
    },
    table: (head, rows) => {
      for (const text of tableLines(head, rows, columns, paint)) line(text);
    },
  };
}

function hasColour(env: Io['env']): boolean {
  return (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

function painter(coloured: boolean): Paint {
  return (tone, text) => {
    const codes = SGR[tone];
    return coloured && codes !== null ? `\u001B[${codes[0]}m${text}\u001B[${codes[1]}m` : text;
  };
}

const GAP = 3;

/** The last column takes what is left of the line and is cut there; on a pipe nothing is cut. */
function tableLines(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
  paint: Paint,
): readonly string[] {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => visible(row[at] ?? '').length)));
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP, 2);
  const room = Math.max(8, columns - before);
  const layOut = (cells: readonly string[]): string =>
    `  ${cells
      .map((cell, at) => (at === head.length - 1 ? clip(cell, room) : cell + ' '.repeat(padding(cell, widths[at]))))
      .join('')}`.trimEnd();
  return [paint('quiet', layOut(head)), ...rows.map(layOut)];
}

function padding(cell: string, width = 0): number {
  return Math.max(0, width - visible(cell).length) + GAP;
}

const visible = (text: string): string => text.replaceAll(/\u001B\[[0-9;]*m/g, '');

export function clip(text: string, width: number): string {
  return visible(text).length <= width ? text : `${visible(text).slice(0, Math.max(1, width - 1))}…`;
}

/** Text of others, such as a command line, without what would move the cursor, colour the rest or turn its direction. */
export function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\u0000-\u001F\u007F-\u009F]|\p{Bidi_Control}|\p{Cs}/gu, '�');
}
