/** The few figures that README.md shows, chosen by name from the last run of each scenario. */
import { type Figure, median } from './figures.ts';

const HEADLINES: readonly (readonly [figure: string, words: string])[] = [
  ["spawn('/bin/true'), p50", "the machine's own `spawn('/bin/true')`"],
  ['agentbox over HTTP, bearer and record, p50', 'agentbox: HTTP, token, record, shell'],
  ['mcp-server-commands 0.5.0 over stdio, p50', 'mcp-server-commands 0.5.0, over stdio'],
  ['desktop-commander 0.2.10 over stdio, p50', 'desktop-commander 0.2.10, over stdio'],
  ["Codex 0.169's own loop, model on loopback, p50", "Codex 0.169's own loop"],
  ['key to echo, p50', 'from a key to its echo'],
  ['`yes` for 10 s: growth of the box daemon, peak', 'growth of the box during 10 s of `yes`'],
  ['1,000 idle sessions, everything', '1,000 idle sessions, everything'],
  ['one hunk in a file of 200,000 lines', 'a patch to a file of 200,000 lines'],
  ['`up` ready, nothing running', '`agentbox up` until ready'],
];

export function headlineTable(figures: readonly Figure[]): string {
  const rows = HEADLINES.flatMap(([name, words]) => {
    const figure = figures.find((one) => one.name === name);
    return figure === undefined ? [] : [`| ${words} | ${rounded(median(figure.rounds))} ${figure.unit} |`];
  });
  return ['| median | |', '|---|---|', ...rows].join('\n');
}

function rounded(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(value >= 1 ? 1 : 2);
}
