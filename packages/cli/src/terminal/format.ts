/** Durations and sizes in few letters. */

const SECOND = 1000;
const UNITS: readonly (readonly [ms: number, letter: string])[] = [
  [86_400 * SECOND, 'd'],
  [3600 * SECOND, 'h'],
  [60 * SECOND, 'm'],
  [SECOND, 's'],
];

function duration(ms: number): string {
  for (const [unit, letter] of UNITS) if (ms >= unit) return `${Math.floor(ms / unit)}${letter}`;
  return '0s';
}

export function ago(at: number, now: number = Date.now()): string {
  return duration(Math.max(0, now - at));
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = count / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
