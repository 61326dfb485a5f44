/** Requirements of the area `questions`: what waits for a person, proved with real clients on the whole product. */
import type { Requirements } from '../requirement.ts';

export const questions = {
  'questions.client.accept': {
    text: 'a yes of the client lets the one program go on, and the call ends with all output',
  },
  'questions.client.session': { text: 'a yes for the session is not asked for the same program again' },
  'questions.client.refused': { text: 'a no of the client is told to the program and to the model, with the reason' },
  'questions.client.vanished': { text: 'a client that goes away while it is asked loses nothing and repeats nothing' },
  'questions.client.unasked': { text: 'a client that cannot be asked is told what waits, and can wait for it' },
  'questions.client.unanswered': {
    text: 'a client that answers a dialog with an error is told what waits, and nothing is lost',
  },
  'questions.client.several': { text: 'of several dialogs each is answered by itself' },
  'questions.shell.time': { text: 'the time of shell stands still while a person is asked, and goes on after it' },
  'questions.heuristic.direct': {
    text: 'what looks dangerous is asked about where the command line starts it, and not in what a build starts',
  },
  'questions.alike': { text: 'a yes for the session answers what waits for the same program already' },
  'questions.private-directory': {
    text: 'a rule lets nothing out of a directory that only the sandbox has: it runs inside',
  },
  'questions.denied.once': { text: 'an answer tells of the programs that were refused since the one before' },
  'questions.rules.broken': {
    text: 'rules that cannot be read keep the server from starting, with file, line and column',
  },
  'questions.always': { text: 'an answer for always writes the rule, which is in force at once and in the record' },
  'questions.first-wins': { text: 'the first answer counts, a dialog is taken back, and a late answer is told so' },
  'questions.server-killed': {
    text: 'a server that is killed while a program waits costs neither program nor question',
  },
  'questions.box-stopped': { text: 'an answer for a box that stands still reaches it later, once' },
  'questions.box-killed': { text: 'a box that is killed takes its programs with it, and says so' },
  'questions.warden-killed': { text: 'a guard that is killed takes its session with it, and says so' },
  'questions.state.restart': {
    text: 'what a client was asked before a restart it may answer after it, once, and nothing runs twice',
  },
  'questions.state.sealed': {
    text: 'a sealed state is opened once by each server, by who it was sealed for, until its end',
  },
  'questions.rounds': { text: 'a call that asks on and on ends with what waits' },
  'questions.record': { text: 'the record holds every decided program once and in order' },
  'questions.expiry': { text: 'a question that nobody answers is a no that says so, also in the record' },
  'questions.crowd': { text: 'many clients at once get their own questions, answers and outputs' },
  'questions.foreign': { text: 'a caller without approve neither sees nor answers what another one asks' },
  'questions.poll': { text: 'whoever waits for a held command is told as soon as it was answered' },
  'questions.cancel': { text: 'a call that is cancelled while it asks ends its command' },
} as const satisfies Requirements;
