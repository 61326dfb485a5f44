/** Medians with their raw rounds, and ratios against a baseline of the same run. */

/** One measured quantity: `rounds` are the raw values, in the order they were taken. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 'µs' | 'MB' | 'MB/s' | 'calls/s' | 'x' | '%' | 's';
  readonly rounds: readonly number[];
  /** what the figure has to stay under (or, for rates, over), and where that demand is met */
  readonly target?: { readonly most?: number; readonly least?: number };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function verdict({ rounds, target }: Figure): 'met' | 'missed' | '' {
  if (target === undefined) return '';
  const value = median(rounds);
  const met = value <= (target.most ?? Number.POSITIVE_INFINITY) && value >= (target.least ?? Number.NEGATIVE_INFINITY);
  return met ? 'met' : 'missed';
}

export function figureRow(figure: Figure): string {
  const { name, unit, rounds, target } = figure;
  const bound = target === undefined ? '' : target.most === undefined ? `>= ${target.least}` : `<= ${target.most}`;
  const raw = rounds.map(short).join(' ');
  return `| ${name} | ${short(median(rounds))} ${unit} | ${bound} | ${verdict(figure)} | ${raw} |`;
}

export const FIGURE_HEAD = '| what | median | target | | rounds |\n|---|---|---|---|---|';

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
