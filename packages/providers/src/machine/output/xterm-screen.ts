/**
 * The screen port over @xterm/headless: no answers are sent, no links opened, nothing kept above the screen. The
 * terminal is loaded with the first screen, because most servers show many results before one.
 */
import type { ITerminalInitOnlyOptions, ITerminalOptions, Terminal } from '@xterm/headless';
import { type RenderedScreen, renderOn, type ScreenSize, type ScreenTerminal } from './screen.ts';

/** Plays `bytes` into a terminal of that size and tells what stands on it at the end. */
export async function renderScreen(bytes: Uint8Array, size: ScreenSize): Promise<RenderedScreen> {
  const { default: headless } = await import('@xterm/headless');
  return renderOn((open) => xtermScreen(new headless.Terminal(optionsFor(open)), open), bytes, size);
}

function optionsFor(size: ScreenSize): ITerminalOptions & ITerminalInitOnlyOptions {
  return {
    cols: size.columns,
    rows: size.rows,
    scrollback: 0,
    allowProposedApi: true,
    logLevel: 'off',
  };
}

function xtermScreen(terminal: Terminal, size: ScreenSize): ScreenTerminal {
  let title = '';
  let cursorVisible = true;
  terminal.onTitleChange((changed) => {
    title = changed;
  });
  const follow = (visible: boolean) => (params: readonly (number | number[])[]) => {
    if (params.includes(25)) cursorVisible = visible;
    return false;
  };
  terminal.parser.registerCsiHandler({ prefix: '?', final: 'h' }, follow(true));
  terminal.parser.registerCsiHandler({ prefix: '?', final: 'l' }, follow(false));
  return {
    write: (bytes) => new Promise((resolve) => terminal.write(bytes, resolve)),
    lines: () => Array.from({ length: size.rows }, (_, row) => lineAt(terminal, row)),
    cursor: () => ({
      row: terminal.buffer.active.cursorY,
      column: terminal.buffer.active.cursorX,
      visible: cursorVisible,
    }),
    altScreen: () => terminal.buffer.active.type === 'alternate',
    title: () => title,
    [Symbol.dispose]: () => terminal.dispose(),
  };
}

function lineAt(terminal: Terminal, row: number): string {
  const { active } = terminal.buffer;
  return active.getLine(active.baseY + row)?.translateToString(true) ?? '';
}
