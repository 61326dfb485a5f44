/** Requirements of the area `exec`: what the rules in force come to for one program, and the log of programs. */
import type { Requirements } from '../requirement.ts';

export const execPolicy = {
  'exec.decide.names': { text: 'a program is judged under every name of its chain, and the strictest rule decides' },
  'exec.decide.inner': {
    text: 'an applet, a file behind a loader and the interpreter of a script are judged as the programs that they are',
  },
  'exec.decide.escalate': {
    text: 'an allow leads out of the sandbox only by names, files and interpreters that the sandbox cannot write',
    source: 'two published escapes of a peer: a preloaded library, a program planted under an allowed name',
  },
  'exec.decide.own-work': {
    text: 'memfd, deleted and self-written programs are a class of their own, refused under noExecFromWritable',
  },
  'exec.decide.heuristics': { text: 'commands that destroy are asked about where no rule speaks of them' },
  'exec.decide.unmatched': { text: 'what nothing speaks of runs inside, is asked about or is refused, as is set' },
  'exec.decide.heads': { text: 'a program none of whose names is among the heads always runs' },
  'exec.decide.cost': { text: 'a verdict takes no file, and thousands of rules cost what few cost' },
  'exec.network.strictest': {
    text: 'a connection needs a rule for its host, protocol and port; what forbids or asks holds for all of them',
  },
  'exec.rules.live': { text: 'a change of the rules is in force within a second, however it is written' },
  'exec.rules.broken': {
    text: 'a broken file keeps what it last said, over restarts too, and every problem has file, line and column',
  },
  'exec.rules.never-good': {
    text: 'a file that never could be read forbids everything when the team wrote it, and keeps all inside otherwise',
  },
  'exec.rules.ownership': {
    text: 'a file that others may write, or that leads out of its directory, does not count and is named',
  },
  'exec.amend.line': { text: 'an answer for always is one line, once, in force when it resolves, whoever else writes' },
  'exec.amend.lock': { text: 'the lock of the file ends with the process that holds it' },
  'exec.amend.refused': { text: 'a banned prefix or a broken file is never added to' },
  'exec.amend.preview': { text: 'the rule is shown first, with how many past programs it speaks of' },
  'exec.environment.clean': { text: 'a program outside begins with a clean environment from an allow-list' },
  'exec.log.numbers': { text: 'entries are numbered from 1 without gaps, over restarts and kills of the daemon' },
  'exec.log.quota': { text: 'the quota drops the oldest entries and says exactly how many' },
  'exec.log.acknowledge': { text: 'what is kept elsewhere goes, and is not called dropped' },
  'exec.log.full-disk': { text: 'a full disk is said once, makes flush fail, and loses no number' },
  'exec.log.long-arguments': { text: 'a long argument is cut with a mark that says how much is missing' },
} as const satisfies Requirements;
