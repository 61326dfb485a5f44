/** Requirements of the area `guard`: every program of a sandbox is judged before its first instruction. */
import type { Requirements } from '../requirement.ts';

export const guard = {
  'guard.exec.every-way': { text: 'a forbidden program does not run, whichever way it is started' },
  'guard.exec.scripts': {
    text: 'the first line of a script is judged with its argument, by every name and what it loads',
  },
  'guard.image.bounded': {
    text: 'a file that becomes a pipe, a link or another one while it is hashed delays no question and no other session',
  },
  'guard.outside.directory': {
    text: 'a program outside starts in the very directory that its process stands in, whatever takes its name meanwhile',
  },
  'guard.exec.harmless': { text: 'what is allowed runs as without a guard: output, exit status, arguments, signals' },
  'guard.exec.names': {
    text: 'a program is told with every name on the way to its file, and which of them were makeable',
  },
  'guard.exec.errors': { text: 'an exec that fails anyway fails with its own error and is not asked about' },
  'guard.exec.races': { text: 'a path or an argument that changes after it was judged does not run' },
  'guard.exec.local': { text: 'a program that no head names runs without a question and is reported' },
  'guard.exec.bytes': { text: 'bytes that are no text reach the judge without loss, and the program unchanged' },
  'guard.exec.long': { text: 'long and many arguments are told whole, or refused' },
  'guard.exec.writable': { text: 'where it is asked for, nothing runs that the sandbox could have written itself' },
  'guard.pending.others-go-on': { text: 'while one program waits for its answer, others run and are answered' },
  'guard.pending.interrupted': { text: 'a program that waits can be interrupted and killed, and the judge is told' },
  'guard.pending.handler': { text: 'a signal handler runs while its program waits, and the exec is judged anew' },
  'guard.pending.fault': { text: 'a judge that fails is a denial' },
  'guard.pending.crowd': { text: 'questions are bounded for a session and for a caller, and others are still asked' },
  'guard.deny.text': {
    text: 'a denial ends the program with exit 1 and its reason on standard error, which never blocks',
  },
  'guard.outside.runs': {
    text: 'a program that may leave the sandbox has its arguments, descriptors, directory and no environment of the sandbox',
  },
  'guard.outside.refused': {
    text: 'what the sandbox could have made, or what is another file outside, never runs outside',
  },
  'guard.outside.signals': { text: 'signals, stops and ends reach a program outside, and its exit status comes back' },
  'guard.outside.dies': {
    text: 'a program outside ends with the sandbox, with its waiting process and with the warden',
  },
  'guard.terminal.jobs': {
    text: 'job control on a terminal is that of the kernel: Ctrl-C, Ctrl-Z, fg, size, also outside and while it waits',
  },
  'guard.end.killed': { text: 'the end of any process of the guard ends everything in the sandbox' },
  'guard.end.signals': { text: 'no signal but SIGKILL ends a process of the guard' },
  'guard.end.daemons': { text: 'the exit is told when the command ends, and what it left ends with the sandbox' },
  'guard.inside.descriptors': { text: 'a command has descriptors 0, 1 and 2, default signals and nothing else' },
  'guard.inside.calls': { text: 'system calls that undo a sandbox are refused, in every ABI' },
  'guard.inside.network': { text: 'sockets are local, or TCP to the proxy whose listener is handed out' },
  'guard.inside.directory': {
    text: 'a command starts in a directory that only its sandbox has, and nothing is let out from there',
  },
  'guard.inside.files': { text: 'Landlock holds what may be written when nothing else does' },
  'guard.link.abuse': { text: 'a daemon that breaks the protocol or goes away ends the sandbox' },
  'guard.link.client': { text: 'the client takes messages in any pieces, and no more than its bounds' },
  'guard.start.exchanged': {
    text: 'what is exchanged for a link between the look at it and its mount is not mounted: nothing runs',
  },
  'guard.start.private-links': {
    text: 'a link that a command leaves in a private directory leads no mount and no placeholder out of it',
  },
  'guard.start.failed': { text: 'a sandbox that cannot be set up starts nothing and says why' },
  'guard.binary.pinned': { text: 'the binary is built from its sources byte for byte, and no other is used' },
} as const satisfies Requirements;
