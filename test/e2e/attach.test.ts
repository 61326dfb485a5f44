/** `agentbox sessions attach` in a real terminal: tmux holds it, types into it and reads its screen. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENTBOX, Home, plainEnvironment, until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { TestClient } from './client.ts';

const skip = spawnSync('tmux', ['-V']).error === undefined ? false : 'needs tmux';

/** A terminal of 100 columns and 30 lines with a plain shell in it. */
class Tmux implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'agentbox-tmux-'));

  constructor(home: string) {
    const shell = ['sh', '-c', `PS1='@ '; export PS1; exec sh -i`];
    this.#tmux(['-f', '/dev/null', 'new-session', '-d', '-x', '100', '-y', '30', ...shell], { AGENTBOX_HOME: home });
  }

  type(...keys: readonly string[]): void {
    this.#tmux(['send-keys', ...keys]);
  }

  line(text: string): void {
    this.#tmux(['send-keys', '-l', text]);
    this.type('Enter');
  }

  resize(cols: number, rows: number): void {
    this.#tmux(['resize-window', '-x', String(cols), '-y', String(rows)]);
  }

  screen(): string {
    return this.#tmux(['capture-pane', '-p']);
  }

  /** with the escape sequences of its colours */
  coloured(): string {
    return this.#tmux(['capture-pane', '-p', '-e']);
  }

  shows(text: string | RegExp): Promise<boolean> {
    const isThere = (): boolean => (typeof text === 'string' ? this.screen().includes(text) : text.test(this.screen()));
    return until(`the screen shows ${String(text)}; it was:\n${this.screen()}`, isThere);
  }

  [Symbol.dispose](): void {
    spawnSync('tmux', ['-S', join(this.#directory, 'socket'), 'kill-server']);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #tmux(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
    const all = plainEnvironment({ ...env, TERM: 'xterm-256color', TMUX: undefined });
    return execFileSync('tmux', ['-S', join(this.#directory, 'socket'), ...args], { encoding: 'utf8', env: all });
  }
}

verifies(
  'cli.attach.is-a-terminal',
  async () => {
    await using home = new Home();
    const up = await home.up();
    await using client = await TestClient.connect(up.ready);
    const session = await client.start(`echo printed before; PS1='> ' exec sh -i`, { tty: true });
    using tmux = new Tmux(home.path);
    tmux.line(`${AGENTBOX} sessions attach ${session}`);
    await tmux.shows('printed before');
    tmux.line('echo "$((40 + 2))" typed; stty size');
    await tmux.shows('42 typed');
    await tmux.shows(/^30 100$/m);
    tmux.resize(90, 20);
    await until('the size follows', async () => {
      tmux.line('stty size');
      return /^20 90$/m.test(tmux.screen());
    });
    tmux.line('sleep 600');
    await tmux.shows('sleep 600');
    tmux.type('C-c');
    tmux.line('echo "after $((1 + 1))"');
    await tmux.shows('after 2');
    const seen = await client.call('read_output', { session_id: session });
    assert.match(seen.output ?? '', /42 typed/, 'agent and operator see one terminal');
  },
  { skip },
);

verifies(
  'cli.attach.detaches-clean',
  async () => {
    await using home = new Home();
    const up = await home.up();
    await using client = await TestClient.connect(up.ready);
    const paint = "printf '\\033[?1049h\\033[?25l\\033[?1000h\\033[31mscreen program'; read line";
    const session = await client.start(paint, { tty: true });
    using tmux = new Tmux(home.path);
    tmux.line('echo on the main screen; stty -g > /dev/null && stty -a | grep -c -- -icanon');
    await tmux.shows('on the main screen');
    tmux.line(`${AGENTBOX} sessions attach ${session} --detach-key ctrl-a`);
    await tmux.shows('screen program');
    tmux.type('C-a');
    await tmux.shows(`left ${session}; it goes on`);
    await tmux.shows('on the main screen');
    tmux.line('stty -a | tr " ;" "\\n\\n" | grep -x -e icanon -e echo | sort | tr "\\n" "+"');
    await tmux.shows('echo+icanon+');
    const still = await client.call('write_stdin', { session_id: session, yield_time_ms: 250 });
    assert.equal(still.running, true);
  },
  { skip },
);

verifies(
  'cli.attach.ends-with-session',
  async () => {
    await using home = new Home();
    const up = await home.up();
    await using client = await TestClient.connect(up.ready);
    const session = await client.start(`PS1='> ' exec sh -i`, { tty: true });
    using tmux = new Tmux(home.path);
    tmux.line(`${AGENTBOX} sessions attach`);
    await tmux.shows(session);
    await tmux.shows('> ');
    tmux.line('exit 7');
    await tmux.shows(`${session} ended with exit code 7`);
    tmux.line('echo "back $((1 + 1))"');
    await tmux.shows('back 2');
  },
  { skip },
);

verifies(
  'cli.output.plain-in-a-pipe',
  async () => {
    await using home = new Home();
    await home.up();
    const piped = await home.run(['status']);
    assert.doesNotMatch(piped.stdout, /\u001B/);
    using tmux = new Tmux(home.path);
    tmux.line(`clear; ${AGENTBOX} status; echo "done $((1 + 1))"`);
    await tmux.shows('done 2');
    assert.match(tmux.coloured(), /\u001B\[\d+m/, 'a terminal gets colour');
    tmux.line(`clear; NO_COLOR=1 ${AGENTBOX} status; echo "done $((1 + 2))"`);
    await tmux.shows('done 3');
    assert.doesNotMatch(tmux.coloured(), /\u001B\[\d+m/);
  },
  { skip },
);
