/**
 * Opens the descriptors of a session and starts its leader. Either everything is open and running, or nothing is left
 * open. What the process prints goes to the given sinks from the first byte on.
 */
import { closeSync, openSync } from 'node:fs';
import { type OnReadOpts, Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import { AgentboxError, type SpawnIo } from '@agentbox/protocol';
import type { SessionGuard } from '../guard/session-guard.ts';
import { type Libc, openPipe } from '../native/libc.ts';
import type { Reaper } from '../native/reaper.ts';
import type { ChildDescriptor, Spawner } from '../native/spawn.ts';
import type { Tags } from '../native/tag.ts';
import { openTerminal, type Terminal } from '../native/terminal.ts';
import type { Cgroup } from '../process/cgroup.ts';
import { readDescriptor } from '../process/table.ts';
import type { Tracking } from '../process/tracking.ts';
import type { Environment } from './environment.ts';
import { SessionInput } from './input.ts';
import type { Program } from './launch.ts';

export interface StartParts {
  readonly libc: Libc;
  readonly spawn: Spawner;
  readonly reaper: Reaper;
  readonly tags: Tags;
  readonly tracking: Tracking;
  /** one buffer for all sockets: each chunk is copied out before the next read */
  readonly readBuffer: Uint8Array;
}

export interface Live {
  readonly pid: number;
  readonly tag: string;
  /** the kernel's own list of the session's processes, or null */
  readonly group: Cgroup | null;
  /** what the session's reader should know */
  readonly note: string | null;
  readonly startedAt: number;
  readonly output: Socket;
  readonly stderr: Socket | null;
  readonly input: SessionInput | null;
  readonly terminal: Terminal | null;
  /** how /proc names the input pipe */
  readonly stdinPipe: string | null;
  /** null on the host */
  readonly guarded: Guarded | null;
  /** closes whatever the daemon still holds */
  close(): void;
}

/** The sandbox of a session, once it is started. */
export interface Guarded {
  readonly guard: Pick<SessionGuard, 'questions' | 'denied' | 'heldMs'>;
  /** the processes that keep it standing, the command not among them */
  readonly infrastructure: ReadonlySet<number>;
  /** pid of the command as the host numbers it; null until it runs */
  readonly command: number | null;
}

type LiveFacts = Pick<Live, 'pid' | 'tag' | 'group' | 'note' | 'startedAt' | 'guarded'>;

export type Sink = (stream: 'output' | 'stderr', bytes: Uint8Array) => void;

interface Opened {
  readonly descriptors: readonly [ChildDescriptor, ChildDescriptor, ChildDescriptor];
  /** ends that only the child keeps */
  readonly childOnly: readonly number[];
  readonly outputFd: number;
  readonly stderrFd: number | null;
  readonly stdinFd: number | null;
  readonly terminal: Terminal | null;
}

/** What is started in place of the command, and how its sandbox begins with it. */
export interface Start {
  readonly program: Program;
  readonly environment: Environment;
  readonly cwd: string;
  readonly guarded: GuardedStart | null;
}

interface GuardedStart {
  /** descriptor that becomes the guard's line */
  readonly line: number;
  /** spawns within the bounds of the session */
  around<T>(spawn: () => T): T;
  begin(pid: number, group: Cgroup | null): Guarded;
  /** nothing was started */
  abandon(): void;
}

export function startProcess(parts: StartParts, io: SpawnIo, start: Start, sink: Sink): Live {
  const { program, environment, cwd, guarded } = start;
  const opened = io.kind === 'tty' ? openTty(parts.libc, io) : openPipes(parts.libc, io);
  const tag = parts.tags.next();
  const born = parts.tracking.born(tag, () =>
    parts.tags.wear(tag, () =>
      guarded === null
        ? parts.spawn({ ...program, environment, cwd, descriptors: opened.descriptors })
        : guarded.around(() =>
            parts.spawn({ ...program, environment, cwd, descriptors: opened.descriptors, line: guarded.line }),
          ),
    ),
  );
  const { value: spawned, group, note } = born;
  for (const fd of opened.childOnly) closeSync(fd);
  if ('error' in spawned) {
    for (const fd of ownEnds(opened)) closeSync(fd);
    guarded?.abandon();
    opened.terminal?.release();
    parts.tracking.retire(group);
    throw spawnFailure(spawned.error, program, cwd);
  }
  const facts = { pid: spawned.pid, tag, group, note, startedAt: Date.now() };
  return attach(parts, opened, sink, { ...facts, guarded: guarded?.begin(spawned.pid, group) ?? null });
}

function spawnFailure(error: string, program: Program, cwd: string): AgentboxError {
  const detail = { program: program.path, cwd, error };
  if (error === 'E2BIG') return new AgentboxError('COMMAND_TOO_LARGE', 'the command line is too long', detail);
  if (error === 'ENOENT') {
    const message = `${program.path} could not be started: it, its interpreter or ${cwd} is missing`;
    return new AgentboxError('SPAWN_FAILED', message, detail);
  }
  return new AgentboxError('SPAWN_FAILED', `${program.path} could not be started: ${error}`, detail);
}

function ownEnds(opened: Opened): readonly number[] {
  return [opened.outputFd, opened.stderrFd, opened.stdinFd].filter((fd) => fd !== null);
}

function openTty(libc: Libc, io: SpawnIo & { readonly kind: 'tty' }): Opened {
  const terminal = openTerminal(libc, io.size);
  if ('error' in terminal) {
    throw new AgentboxError('SPAWN_FAILED', `no terminal could be opened: ${terminal.error}`);
  }
  const leaf = { terminal: terminal.path };
  return {
    descriptors: [leaf, leaf, leaf],
    childOnly: [],
    outputFd: terminal.fd,
    stderrFd: null,
    stdinFd: null,
    terminal,
  };
}

function openPipes(libc: Libc, io: SpawnIo & { readonly kind: 'pipe' }): Opened {
  const open: number[] = [];
  const pipe = (): { readonly readFd: number; readonly writeFd: number } => {
    const ends = openPipe(libc);
    if ('error' in ends) {
      for (const fd of open) closeSync(fd);
      throw new AgentboxError('SPAWN_FAILED', `no pipe could be opened: ${ends.error}`);
    }
    open.push(ends.readFd, ends.writeFd);
    return ends;
  };
  const output = pipe();
  const stderr = io.stderr === 'separate' ? pipe() : null;
  const stdin = io.stdin ? pipe() : null;
  const stdinFd = stdin?.readFd ?? openSync('/dev/null', 'r');
  const stderrFd = stderr?.writeFd ?? output.writeFd;
  return {
    descriptors: [stdinFd, output.writeFd, stderrFd],
    childOnly: [...new Set([stdinFd, output.writeFd, stderrFd])],
    outputFd: output.readFd,
    stderrFd: stderr?.readFd ?? null,
    stdinFd: stdin?.writeFd ?? null,
    terminal: null,
  };
}

function attach(parts: StartParts, opened: Opened, sink: Sink, facts: LiveFacts): Live {
  const reading = (stream: 'output' | 'stderr'): OnReadOpts => ({
    buffer: parts.readBuffer,
    callback: (length, buffer) => {
      sink(stream, buffer.subarray(0, length));
      return true;
    },
  });
  const output =
    opened.terminal === null
      ? new Socket({ fd: opened.outputFd, readable: true, writable: false, onread: reading('output') })
      : new ReadStream(opened.outputFd, { onread: reading('output') });
  const stderr =
    opened.stderrFd === null
      ? null
      : new Socket({ fd: opened.stderrFd, readable: true, writable: false, onread: reading('stderr') });
  const stdin = opened.stdinFd === null ? null : new Socket({ fd: opened.stdinFd, readable: false, writable: true });
  // A terminal reports the end of its last process as EIO: the close that follows says it all.
  for (const socket of [output, stderr, stdin]) socket?.on('error', () => undefined);
  output.resume();
  stderr?.resume();
  const writable = opened.terminal === null ? stdin : output;
  return {
    ...facts,
    output,
    stderr,
    input: writable === null ? null : new SessionInput(writable, opened.terminal),
    terminal: opened.terminal,
    stdinPipe: opened.stdinFd === null ? null : (readDescriptor(process.pid, opened.stdinFd) ?? null),
    close: () => {
      for (const socket of [output, stderr, stdin]) socket?.destroy();
      opened.terminal?.release();
    },
  };
}
