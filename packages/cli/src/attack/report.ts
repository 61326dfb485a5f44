/** What a run comes to: a line for each case as it ends, a table by group, and what leaked with how to mend it. */

import { plain, type Screen, type Tone } from '../terminal/screen.ts';
import { type CaseResult, GROUPS, type Group, VERDICTS, type Verdict } from './attack-case.ts';

const SHOWN: Readonly<Record<Verdict, readonly [word: string, tone: Tone]>> = {
  held: ['held', 'good'],
  leaked: ['LEAKED', 'bad'],
  reported: ['reported', 'doubt'],
  'not applicable': ['n.a.', 'quiet'],
  broken: ['BROKEN', 'bad'],
};

const WORD_WIDTH = 8;

export function caseLine(result: CaseResult, screen: Screen): void {
  const { paint } = screen;
  const [word, tone] = SHOWN[result.verdict];
  screen.line(`  ${paint(tone, word.padEnd(WORD_WIDTH))}  ${result.id.padEnd(4)}  ${result.title}`);
}

export interface Counts extends Readonly<Record<Verdict, number>> {}

export function countsOf(results: readonly CaseResult[]): Counts {
  const count = (verdict: Verdict): number => results.filter((one) => one.verdict === verdict).length;
  return {
    held: count('held'),
    leaked: count('leaked'),
    reported: count('reported'),
    'not applicable': count('not applicable'),
    broken: count('broken'),
  };
}

export function showReport(results: readonly CaseResult[], screen: Screen): void {
  const { paint } = screen;
  screen.line();
  showGroups(results, screen);
  for (const verdict of ['leaked', 'broken', 'reported', 'not applicable'] as const) {
    const found = results.filter((one) => one.verdict === verdict);
    const partly = results.filter((one) => one.verdict !== verdict && one.tries.some((t) => t.verdict === verdict));
    if (found.length === 0 && (verdict !== 'not applicable' || partly.length === 0)) continue;
    const [, tone] = SHOWN[verdict];
    screen.line();
    screen.line(paint(tone, HEADS[verdict]));
    for (const one of found) showFinding(one, screen);
    if (verdict === 'leaked') showMends(found, screen);
    if (verdict === 'not applicable') for (const one of partly) showParts(one, screen);
  }
  screen.line();
  screen.line(`  ${scoreLine(results, screen)}`);
}

const HEADS: Readonly<Record<Exclude<Verdict, 'held'>, string>> = {
  leaked: 'Leaked',
  broken: 'Broken: the attempt could not be made, which proves nothing',
  reported: 'Reported: stopped only by `no_exec_from_writable`',
  'not applicable': 'Not applicable',
};

function showGroups(results: readonly CaseResult[], screen: Screen): void {
  const { paint } = screen;
  for (const group of groupsOf(results)) {
    const own = results.filter((one) => one.group === group);
    const counts = countsOf(own);
    const cells = VERDICTS.filter((verdict) => verdict !== 'broken' || counts.broken > 0).map((verdict) => {
      const [word, tone] = SHOWN[verdict];
      const number = counts[verdict];
      return paint(number === 0 ? 'quiet' : tone, `${word.toLowerCase()} ${String(number).padStart(2)}`);
    });
    screen.line(
      `  ${paint('strong', group)}  ${GROUPS[group].padEnd(22)}  ${barOf(own, screen)}  ${cells.join('   ')}`,
    );
  }
}

const groupsOf = (results: readonly CaseResult[]): readonly Group[] => [...new Set(results.map(({ group }) => group))];

/** One mark for each case, in the order of the list. */
function barOf(results: readonly CaseResult[], { paint }: Screen): string {
  const marks = results.map(({ verdict }) => paint(SHOWN[verdict][1], MARKS[verdict])).join('');
  return marks + ' '.repeat(Math.max(0, BAR_WIDTH - results.length));
}

const BAR_WIDTH = 13;
const MARKS: Readonly<Record<Verdict, string>> = {
  held: '■',
  leaked: '✗',
  reported: '◇',
  'not applicable': '·',
  broken: '?',
};

function showFinding(result: CaseResult, screen: Screen): void {
  const { paint } = screen;
  screen.line(`  ${paint('strong', result.id.padEnd(4))}  ${result.title}`);
  screen.line(`        ${paint('quiet', plain(result.text))}`);
}

/** Each remedy once, with what it is for. */
function showMends(results: readonly CaseResult[], screen: Screen): void {
  const { paint } = screen;
  screen.line();
  screen.line(paint('strong', 'What to do'));
  for (const mend of new Set(results.map((one) => one.mend))) {
    const ids = results.filter((one) => one.mend === mend).map(({ id }) => id);
    screen.line(`  ${paint('link', mend)}`);
    screen.line(`        ${paint('quiet', `for ${ids.join(', ')}`)}`);
  }
}

function showParts(result: CaseResult, screen: Screen): void {
  const parts = result.tries.filter((one) => one.verdict === 'not applicable');
  const text = parts.map((one) => `${one.name} (${one.text})`).join(', ');
  screen.line(`  ${screen.paint('strong', result.id.padEnd(4))}  in part: ${screen.paint('quiet', plain(text))}`);
}

function scoreLine(results: readonly CaseResult[], { paint }: Screen): string {
  const counts = countsOf(results);
  const tried = results.length - counts['not applicable'];
  const tries = results.reduce((sum, one) => sum + one.tries.length, 0);
  const isGood = counts.leaked + counts.broken === 0;
  const reported = counts.reported === 0 ? '' : `, ${counts.reported} reported`;
  const score = `${counts.held} of ${tried} held${reported}`;
  return `${paint(isGood ? 'good' : 'bad', score)}  ${paint('quiet', `${counts.leaked} leaked, ${counts['not applicable']} not applicable, ${tries} ways tried`)}`;
}
