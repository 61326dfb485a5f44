/** The help texts: of agentbox as a whole, and of one command. */
import type { Command } from '../command.ts';
import type { Screen } from './screen.ts';

export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
}

export function showHelp(entries: readonly Entry[], version: string, screen: Screen): void {
  const { paint } = screen;
  screen.line(
    `${paint('strong', 'agentbox')} ${version}  ${paint('quiet', 'a Linux machine as an agent’s computer, over MCP')}`,
  );
  screen.line();
  screen.line(`  ${paint('quiet', 'Usage')}   agentbox COMMAND [OPTIONS]`);
  const width = Math.max(...entries.map(({ name }) => name.length));
  for (const group of new Set(entries.map((entry) => entry.group))) {
    screen.line();
    screen.line(paint('strong', group));
    for (const entry of entries.filter((one) => one.group === group)) {
      screen.line(`  ${paint('link', entry.name.padEnd(width))}   ${entry.summary}`);
    }
  }
  screen.line();
  screen.line(paint('quiet', 'agentbox COMMAND --help shows options and examples.'));
}

/** columns of a line that an eye follows without losing it */
const READABLE = 80;

/** Breaks between words. A word that is longer than a line stays whole, so that it can be copied. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

export function usageOf(command: Command): string {
  return `usage: agentbox ${command.name} ${command.synopsis}`.trimEnd();
}

export function showCommandHelp(command: Command, screen: Screen): void {
  const { paint } = screen;
  screen.line(`${paint('strong', `agentbox ${command.name}`)} ${command.synopsis}`.trimEnd());
  screen.line(command.summary);
  if (command.about !== undefined) {
    screen.line();
    for (const line of wrapped(command.about, Math.min(screen.columns, READABLE))) screen.line(line);
  }
  const options = Object.entries(command.options).map(([name, option]) => ({
    left: `${option.short === undefined ? '' : `-${option.short}, `}--${name}${option.value === undefined ? '' : ` ${option.value}`}`,
    help: option.help,
  }));
  const width = Math.max(6, ...options.map(({ left }) => left.length));
  screen.line();
  screen.line(paint('strong', 'Options'));
  for (const { left, help } of options) screen.line(`  ${left.padEnd(width)}   ${help}`);
  screen.line(`  ${'--help'.padEnd(width)}   this text`);
  if (command.examples.length === 0) return;
  const longest = Math.max(...command.examples.map(([line]) => line.length));
  screen.line();
  screen.line(paint('strong', 'Examples'));
  for (const [line, meaning] of command.examples) {
    screen.line(`  ${paint('link', line.padEnd(longest))}   ${paint('quiet', meaning)}`);
  }
}
