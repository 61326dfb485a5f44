/** The findings for a person: one line each, what belongs to it below, and at the end whether agentbox can run here. */
import type { Screen, Tone } from '../terminal/screen.ts';
import { plain } from '../terminal/screen.ts';
import type { Finding, Section } from './finding.ts';

const MARKS: Readonly<Record<Finding['verdict'], readonly [mark: string, tone: Tone]>> = {
  ok: ['ok', 'good'],
  warn: ['warn', 'doubt'],
  fail: ['fail', 'bad'],
};
/** columns of the mark and the gaps around it */
const MARGIN = 9;
const GAP = 3;
/** words may not be squeezed further than this, whatever the terminal says */
const NARROWEST = 30;

export function showSections(sections: readonly Section[], screen: Screen): void {
  const all = sections.flatMap(({ findings }) => findings);
  const width = Math.max(...all.map(({ name }) => name.length));
  for (const { title, findings } of sections) {
    screen.line();
    screen.line(`  ${screen.paint('strong', title)}`);
    for (const finding of findings) showFinding(finding, width, screen);
  }
  const failed = all.filter(({ verdict }) => verdict === 'fail').length;
  screen.line();
  screen.line(failed === 0 ? '  agentbox can run here.' : `  ${failed} thing${failed === 1 ? '' : 's'} to fix first.`);
}

function showFinding({ name, verdict, text, fix, details = {} }: Finding, width: number, screen: Screen): void {
  const [mark, tone] = MARKS[verdict];
  const indent = ' '.repeat(MARGIN + width + GAP);
  const room = Math.max(NARROWEST, screen.columns - indent.length);
  const [first = '', ...rest] = wrapped(plain(text), room);
  screen.line(`  ${screen.paint(tone, mark.padEnd(4))}   ${name.padEnd(width)}   ${first}`);
  for (const line of rest) screen.line(`${indent}${line}`);
  if (fix !== null) for (const line of wrapped(plain(fix), room)) screen.line(`${indent}${screen.paint('link', line)}`);
  const labels = Object.entries(details).filter(([, items]) => items.length > 0);
  const column = Math.max(0, ...labels.map(([label]) => label.length)) + 2;
  for (const [label, items] of labels) {
    for (const [at, item] of items.entries()) {
      const [head = '', ...more] = wrapped(plain(item), Math.max(NARROWEST, room - column));
      const shown = (at === 0 ? label : '').padEnd(column);
      screen.line(`${indent}${screen.paint('quiet', shown)}${screen.paint('quiet', head)}`);
      for (const line of more) screen.line(`${indent}${' '.repeat(column + 2)}${screen.paint('quiet', line)}`);
    }
  }
}

/** Broken between words; a word that is too long stays whole, so that a path or a command can be copied. */
function wrapped(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
