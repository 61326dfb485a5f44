/** Requirements of the area `approvals`. */
import type { Requirements } from '../requirement.ts';

export const approvals = {
  'approvals.store.kept': { text: 'a question is read back as it was written, by id, by state and by who asked' },
  'approvals.store.conditional': {
    text: 'each step of a question is one conditional update: a second one finds nothing',
  },
  'approvals.open.durable': { text: 'a question is durable and in the record before any face sees it' },
  'approvals.open.again': { text: 'a question that is told again is the same one' },
  'approvals.open.other-content': { text: 'another content under a known id withdraws the question and is refused' },
  'approvals.open.bounded': { text: 'beyond its bounds the inbox refuses: a full queue is a no' },
  'approvals.open.full-disk': { text: 'a question that cannot be kept is a no' },
  'approvals.answer.first-wins': { text: 'of two answers at once exactly one is accepted, and the other learns which' },
  'approvals.answer.recorded-first': { text: 'the box hears of no answer that is not in the record' },
  'approvals.answer.survives-kill': {
    text: 'an answer that was durable when the server was killed reaches the box once',
  },
  'approvals.answer.box-away': { text: 'an answer is kept while the box is away, and told when it is back' },
  'approvals.answer.gone': {
    text: 'an answer for a program that has ended stays answered, and says that it came too late',
  },
  'approvals.answer.full-disk': { text: 'an answer that cannot be kept is refused, and the question stays open' },
  'approvals.permission': { text: 'who may give which answer through which face' },
  'approvals.permission.foreign': { text: 'a foreign question looks like an unknown one' },
  'approvals.expiry': { text: 'a question that nobody answers in time is a no, also across a restart' },
  'approvals.restart': { text: 'questions that were open before a restart are open after it' },
  'approvals.withdrawn': { text: 'a question whose program ended is withdrawn from every face' },
  'approvals.elicitation.form': { text: 'a dialog shows facts, and offers a rule only where one may be written' },
  'approvals.elicitation.answer': {
    text: 'what a client says in a dialog is read as meant; what cannot be read is a no',
  },
  'approvals.hostile-text': { text: 'no argument of a program can paint, move or turn what a person reads' },
  'approvals.cli.show': { text: 'the command line shows what a yes is about, whole' },
  'approvals.cli.answer': {
    text: 'the command line answers by a unique beginning of an id, with an exit code for each ending',
  },
  'approvals.cli.watch': { text: 'watch shows each question as it comes and goes, and answers by single keys' },
  'approvals.push.taken-back': { text: 'a pushed dialog is taken back when the answer came another way' },
} as const satisfies Requirements;
