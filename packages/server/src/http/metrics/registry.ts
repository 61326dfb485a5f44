/**
 * Counters, gauges and histograms in the text format of Prometheus. Every family has a bound on its label sets: what comes
 * after it is counted under `_other`, so that no caller can grow the server's memory by inventing names.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels?: Labels, by?: number): void;
  /** the same for one label set that is counted often: its name is made once */
  with(labels: Labels): { add(by?: number): void };
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
  with(labels: Labels): { observe(value: number): void };
}

/** A family of the exposition: its lines are made when they are asked for. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  lines(): readonly string[];
}

/** Of a histogram: `counts` are cumulative, by bucket. */
interface Cell {
  readonly counts: number[];
  sum: number;
  count: number;
}

const LABEL_SETS_CEILING = 500;
/** seconds, from a call answered in memory to a command that is waited for */
const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const NAME = /^[a-z_][a-z0-9_]*$/;

export class MetricsRegistry {
  readonly #families = new Map<string, Family>();

  counter(name: string, help: string): Counter {
    const values = new LabelSets<{ value: number }>(() => ({ value: 0 }));
    const lines = (): readonly string[] => values.entries().map(([labels, { value }]) => `${name}${labels} ${value}`);
    this.#add({ name, help, type: 'counter', lines });
    const adder = (cell: { value: number }) => ({
      add: (by = 1): void => {
        cell.value += by;
      },
    });
    return {
      add: (labels = {}, by = 1) => adder(values.of(labels)).add(by),
      with: (labels) => adder(values.of(labels)),
    };
  }

  /** `read` is asked at each scrape: one value, or one for each label set. */
  gauge(name: string, help: string, read: () => number | readonly (readonly [Labels, number])[]): void {
    const lines = (): readonly string[] => {
      const values = read();
      const rows: readonly (readonly [Labels, number])[] = typeof values === 'number' ? [[{}, values]] : values;
      return rows.slice(0, LABEL_SETS_CEILING).map(([labels, value]) => `${name}${textOf(labels)} ${value}`);
    };
    this.#add({ name, help, type: 'gauge', lines });
  }

  /** A counter that is kept elsewhere, such as the processor time of the process. */
  readCounter(name: string, help: string, read: () => number): void {
    this.#add({ name, help, type: 'counter', lines: () => [`${name} ${read()}`] });
  }

  histogram(name: string, help: string, buckets: readonly number[] = SECONDS_BUCKETS): Histogram {
    const values = new LabelSets<Cell>(() => ({ counts: buckets.map(() => 0), sum: 0, count: 0 }));
    const lines = (): readonly string[] =>
      values
        .entries()
        .flatMap(([labels, { counts, sum, count }]) => [
          ...counts.map((n, at) => `${name}_bucket${withLabel(labels, 'le', String(buckets[at]))} ${n}`),
          `${name}_bucket${withLabel(labels, 'le', '+Inf')} ${count}`,
          `${name}_sum${labels} ${sum}`,
          `${name}_count${labels} ${count}`,
        ]);
    this.#add({ name, help, type: 'histogram', lines });
    const observer = (cell: Cell) => ({
      observe: (value: number): void => {
        cell.sum += value;
        cell.count += 1;
        for (let at = buckets.length - 1; at >= 0 && value <= (buckets[at] ?? 0); at -= 1) {
          cell.counts[at] = (cell.counts[at] ?? 0) + 1;
        }
      },
    });
    return {
      observe: (value, labels = {}) => observer(values.of(labels)).observe(value),
      with: (labels) => observer(values.of(labels)),
    };
  }

  render(): string {
    const blocks = [...this.#families.values()].map((family) =>
      [`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`, ...family.lines()].join('\n'),
    );
    return `${blocks.join('\n')}\n`;
  }

  /** A family that is registered again replaces the one before: the last owner of the name speaks. */
  #add(family: Family): void {
    this.#families.set(NAME.test(family.name) ? family.name : family.name.replace(/\W/g, '_'), family);
  }
}

class LabelSets<T> {
  readonly #make: () => T;
  readonly #cells = new Map<string, T>();

  constructor(make: () => T) {
    this.#make = make;
  }

  of(labels: Labels): T {
    const key = textOf(labels);
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const full = this.#cells.size >= LABEL_SETS_CEILING;
    const overflow = textOf(Object.fromEntries(Object.keys(labels).map((name) => [name, '_other'])));
    const cell = full ? (this.#cells.get(overflow) ?? this.#make()) : this.#make();
    this.#cells.set(full ? overflow : key, cell);
    return cell;
  }

  entries(): readonly (readonly [string, T])[] {
    return [...this.#cells];
  }
}

function textOf(labels: Labels): string {
  let text = '';
  for (const name in labels) text += `${text === '' ? '' : ','}${name}="${escaped(labels[name] ?? '')}"`;
  return text === '' ? '' : `{${text}}`;
}

const escaped = (value: string): string =>
  /["\\\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;

function withLabel(labels: string, name: string, value: string): string {
  return labels === '' ? `{${name}="${value}"}` : `${labels.slice(0, -1)},${name}="${value}"}`;
}
