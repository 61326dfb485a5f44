/**
 * Decides whether a session waits for input: a process that may read is blocked in a read of the session's terminal
 * or input pipe. Only what /proc shows counts; where /proc is mute, a silent prompt at the end of the output must do.
 */
import type { AwaitingInput } from '@agentbox/protocol';
import type { Terminal } from '../native/terminal.ts';
import { isAlive, listPids, type ProcessFacts, readDescriptor, readProcess, readSyscall } from '../process/table.ts';

export interface InputWatch {
  readonly terminal: Terminal | null;
  /** how /proc names the session's input pipe, or null without one */
  readonly stdinPipe: string | null;
  readonly lastLine: string;
  readonly inScreenProgram: boolean;
  /** ms since the last output */
  readonly quietMs: number;
  /** processes that only keep the sandbox standing */
  readonly apart: ReadonlySet<number>;
  members(): readonly ProcessFacts[];
}

interface SyscallNumbers {
  readonly read: readonly number[];
  readonly wait: readonly number[];
}

/** read and readv; then poll, select, pselect6, ppoll, epoll_wait, epoll_pwait, epoll_pwait2. */
const SYSCALLS: Readonly<Record<string, SyscallNumbers>> = {
  x64: { read: [0, 19], wait: [7, 23, 270, 271, 232, 281, 441] },
  arm64: { read: [63, 65], wait: [72, 73, 22, 441] },
};

const QUIET_MS = 90;
/** a prompt that /proc cannot confirm must stand still for longer */
const UNCONFIRMED_QUIET_MS = 300;
const QUESTION = /\S[?:>] $/;

export function awaitingInput(watch: InputWatch): AwaitingInput | null {
  if (watch.quietMs < QUIET_MS) return null;
  if (watch.terminal !== null) return awaitingTerminal(watch, watch.terminal);
  return watch.stdinPipe === null ? null : awaitingPipe(watch, watch.stdinPipe);
}

function awaitingTerminal(watch: InputWatch, terminal: Terminal): AwaitingInput | null {
  const group = terminal.foregroundGroup();
  if (group === undefined) return null;
  const modes = terminal.modes();
  const answer = { text: watch.lastLine, echo: modes.echo || !modes.canonical };
  const readers = foregroundOf(group, watch.apart).map((pid) => readsTerminal(pid, terminal.path, modes.canonical));
  if (readers.includes('yes')) return watch.lastLine !== '' || modes.canonical || watch.inScreenProgram ? answer : null;
  if (readers.includes('loop'))
    return watch.quietMs >= UNCONFIRMED_QUIET_MS && QUESTION.test(watch.lastLine) ? answer : null;
  const unconfirmed = readers.includes('unknown') && watch.quietMs >= UNCONFIRMED_QUIET_MS;
  return unconfirmed && watch.lastLine !== '' && (!modes.echo || /[:?>$#\])] ?$/.test(watch.lastLine)) ? answer : null;
}

/** The group's leader alone when it is there and reads; else everyone in the group. */
function foregroundOf(group: number, apart: ReadonlySet<number>): readonly number[] {
  const leader = apart.has(group) ? undefined : readProcess(group);
  if (leader !== undefined && isAlive(leader) && leader.state === 'S') {
    const call = readSyscall(group);
    const numbers = SYSCALLS[process.arch];
    if (call !== undefined && numbers !== undefined && [...numbers.read, ...numbers.wait].includes(call.number)) {
      return [group];
    }
  }
  return listPids().filter((pid) => pid >= group && !apart.has(pid) && readProcess(pid)?.group === group);
}

function readsTerminal(pid: number, path: string, canonical: boolean): 'yes' | 'no' | 'loop' | 'unknown' {
  const numbers = SYSCALLS[process.arch];
  const call = readSyscall(pid);
  if (numbers === undefined || call === undefined) return readProcess(pid)?.state === 'S' ? 'unknown' : 'no';
  if (numbers.read.includes(call.number)) {
    const target = readDescriptor(pid, call.argument);
    return target === path || target === '/dev/tty' ? 'yes' : 'no';
  }
  if (!numbers.wait.includes(call.number) || readDescriptor(pid, 0) !== path) return 'no';
  // Line editors wait with select or poll after they switched the line discipline off; with it, an event loop may
  // wait for anything, and only what looks like a question says that it waits for us.
  return canonical ? 'loop' : 'yes';
}

function awaitingPipe(watch: InputWatch, stdinPipe: string): AwaitingInput | null {
  const numbers = SYSCALLS[process.arch];
  if (numbers === undefined) return null;
  const blocked = watch.members().some(({ pid, state }) => {
    const call = state === 'S' ? readSyscall(pid) : undefined;
    if (call === undefined || !numbers.read.includes(call.number)) return false;
    return readDescriptor(pid, call.argument) === stdinPipe;
  });
  return blocked ? { text: watch.lastLine, echo: true } : null;
}
