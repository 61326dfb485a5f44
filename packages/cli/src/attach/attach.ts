/**
 * A session in this terminal: what it printed lately, then what it prints, and keys go to it. Leaves the terminal as it
 * was, however it ends. A session without a terminal is shown as lines, and what is typed goes to it line by line.
 */
import type { BoxConnection } from '@agentbox/boxd-client';
import { AgentboxError, type SessionInfo, type SessionState } from '@agentbox/protocol';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { plain, screenOn } from '../terminal/screen.ts';
import type { Key } from './detach-key.ts';
import { SessionOutput } from './session-output.ts';
import { TerminalModes } from './terminal-modes.ts';

type Ending = { readonly kind: 'detached' } | { readonly kind: 'ended'; readonly state: SessionState };

export async function attach(box: BoxConnection, session: SessionInfo, key: Key, io: Io): Promise<ExitCode> {
  if (!io.stdin.isTTY || !io.stdout.isTTY) {
    throw new AgentboxError('NO_TTY', 'attach needs a terminal on standard input and output');
  }
  const notes = screenOn(io.stderr, io.env);
  const leave = session.io.kind === 'tty' ? key.label : 'Ctrl-C';
  notes.line(notes.paint('quiet', `${session.session}  ${plain(session.command)}  (${leave} leaves it)`));
  const modes = new TerminalModes();
  const output = new SessionOutput(box, session, (bytes) => {
    modes.see(bytes);
    io.stdout.write(bytes);
  });
  const isTerminal = session.io.kind === 'tty';
  let ending: Ending;
  const restore = isTerminal ? takeTerminal(io) : () => undefined;
  try {
    ending = await watchUntilEnd(box, session, output, key, io);
  } finally {
    restore();
    if (isTerminal) io.stdout.write(modes.undo());
    io.stdin.pause();
  }
  notes.line();
  notes.line(notes.paint('quiet', farewell(session, ending)));
  return EXIT.done;
}

function takeTerminal(io: Io): () => void {
  io.stdin.setRawMode(true);
  const restore = (): void => void io.stdin.setRawMode(false);
  // Raw mode belongs to the terminal and would outlive this process.
  process.once('exit', restore);
  return () => {
    process.off('exit', restore);
    restore();
  };
}

async function watchUntilEnd(
  box: BoxConnection,
  session: SessionInfo,
  output: SessionOutput,
  key: Key,
  io: Io,
): Promise<Ending> {
  const restoreSize = await followSize(box, session, io);
  const { promise: detached, resolve: detach } = Promise.withResolvers<Ending>();
  const onSignal = (): void => detach({ kind: 'detached' });
  const onInput = (bytes: Buffer): void => {
    const end = bytes.indexOf(key.byte);
    const typed = end === -1 ? bytes : bytes.subarray(0, end);
    if (typed.length > 0) void send(box, session, typed, io);
    if (end !== -1) detach({ kind: 'detached' });
  };
  io.stdin.on('data', onInput);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, onSignal);
  try {
    const ended = output.run().then((state): Ending => ({ kind: 'ended', state }));
    return await Promise.race([detached, ended]);
  } finally {
    output.stop();
    io.stdin.off('data', onInput);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal);
    await restoreSize();
  }
}

/** Keys that come while a session has no input are dropped, with a bell. */
async function send(box: BoxConnection, session: SessionInfo, bytes: Uint8Array, io: Io): Promise<void> {
  try {
    await box.write(session.owner, { session: session.session, at: null, bytes, eof: false });
  } catch {
    io.stderr.write('\u0007');
  }
}

/** The session takes the size of this terminal while it is shown here, and its own again afterwards. */
async function followSize(box: BoxConnection, session: SessionInfo, io: Io): Promise<() => Promise<void>> {
  if (session.io.kind !== 'tty') return () => Promise.resolve();
  const before = session.io.size;
  const fit = (): Promise<void> =>
    box
      .resize(session.owner, session.session, { cols: io.stdout.columns, rows: io.stdout.rows })
      .catch(() => undefined);
  const onResize = (): void => void fit();
  io.stdout.on('resize', onResize);
  await fit();
  return async () => {
    io.stdout.off('resize', onResize);
    await box.resize(session.owner, session.session, before).catch(() => undefined);
  };
}

function farewell(session: SessionInfo, ending: Ending): string {
  if (ending.kind === 'detached') return `left ${session.session}; it goes on`;
  if (ending.state.kind === 'exited') return `${session.session} ended with exit code ${ending.state.exit.code}`;
  return ending.state.kind === 'lost' ? `${session.session} is lost: ${ending.state.cause}` : `left ${session.session}`;
}
