/**
 * One pseudo-terminal: its master as a readable and writable socket of the event loop (no thread waits on it), its
 * size, its modes and its foreground group. The master is close-on-exec from birth.
 */
import { closeSync, constants, openSync } from 'node:fs';
import type { TerminalSize } from '@agentbox/protocol';
import type { Libc } from './libc.ts';

export interface Terminal {
  readonly fd: number;
  /** the path that the child opens */
  readonly path: string;
  resize(size: TerminalSize): void;
  /** undefined when the terminal has no foreground group (the last process closed it) */
  foregroundGroup(): number | undefined;
  modes(): TerminalModes;
  /**
   * The descriptor of the event loop closes when no program has the terminal open, and the last close of a terminal
   * hangs up on its leader, which may be a program that closes everything before it exits. Until this is called the
   * terminal stays open.
   */
  release(): void;
}

interface TerminalModes {
  /** input is given to the program line by line */
  readonly canonical: boolean;
  readonly echo: boolean;
}

const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCSWINSZ = 0x5414;
const TIOCGPGRP = 0x540f;
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const IUTF8 = 0x4000;
const ICANON = 0x2;
const ECHO = 0x8;

export function openTerminal(libc: Libc, size: TerminalSize): Terminal | { readonly error: string } {
  let fd: number;
  try {
    fd = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  } catch (fault) {
    return { error: fault instanceof Error ? fault.message : 'cannot open /dev/ptmx' };
  }
  const word = Buffer.alloc(4);
  if (libc.ioctl(fd, TIOCSPTLCK, word) !== 0 || libc.ioctl(fd, TIOCGPTN, word) !== 0) {
    closeSync(fd);
    return { error: libc.lastError() };
  }
  const terminal = {
    fd,
    path: `/dev/pts/${word.readInt32LE(0)}`,
    ...operations(libc, fd),
    release: holdOpen(libc, fd),
  };
  terminal.resize(size);
  setUtf8Erase(libc, fd);
  return terminal;
}

function operations(libc: Libc, fd: number): Pick<Terminal, 'resize' | 'foregroundGroup' | 'modes'> {
  return {
    resize: ({ cols, rows }) => {
      const window = Buffer.alloc(8);
      window.writeUInt16LE(rows, 0);
      window.writeUInt16LE(cols, 2);
      libc.ioctl(fd, TIOCSWINSZ, window);
    },
    foregroundGroup: () => {
      const group = Buffer.alloc(4);
      if (libc.ioctl(fd, TIOCGPGRP, group) !== 0) return undefined;
      const pgid = group.readInt32LE(0);
      return pgid > 0 ? pgid : undefined;
    },
    modes: () => {
      const termios = Buffer.alloc(128);
      if (libc.ioctl(fd, TCGETS, termios) !== 0) return { canonical: true, echo: true };
      const local = termios.readUInt32LE(12);
      return { canonical: (local & ICANON) !== 0, echo: (local & ECHO) !== 0 };
    },
  };
}

const F_DUPFD_CLOEXEC = 1030;

/** Gives back what lets go; letting go twice closes nothing of others. */
function holdOpen(libc: Libc, fd: number): () => void {
  const held = [libc.fcntl(fd, F_DUPFD_CLOEXEC, 3)].filter((copy) => copy >= 0);
  return () => {
    for (const copy of held.splice(0)) closeSync(copy);
  };
}

/** Lets backspace in a canonical line remove a whole character. */
function setUtf8Erase(libc: Libc, fd: number): void {
  const termios = Buffer.alloc(128);
  if (libc.ioctl(fd, TCGETS, termios) !== 0) return;
  termios.writeUInt32LE((termios.readUInt32LE(0) | IUTF8) >>> 0, 0);
  libc.ioctl(fd, TCSETS, termios);
}
