/** Requirements of the area `policy`: the language of rule files, what they decide, and how they stay in force. */
import type { Requirements } from '../requirement.ts';

const OBSERVED = 'observed on Codex 0.169.0';

export const policy = {
  'policy.parity.observed': {
    text: 'every observed file and command has the answer that Codex gives, or is refused as there',
    source: OBSERVED,
  },
  'policy.language.as-go': {
    text: 'programs of the common part emit the same values and fail at the same place as in the Go implementation',
  },
  'policy.language.no-surprises': { text: 'what a rule file has no use for is refused: load, fractions, types, bytes' },
  'policy.errors.place-and-hint': { text: 'an error names file, line, column, what is wrong and what to do' },
  'policy.bounds': { text: 'a file that asks for too much is refused at the bound, and what is within it is read' },
  'policy.decide.strictest': {
    text: 'the strictest of all rules that match decides, and the answer names it and all others',
  },
  'policy.decide.paths': { text: 'rules for a name match a path only as host_executable permits' },
  'policy.decide.restrictive': {
    text: 'rules that ask or forbid can be held against every path that ends in their name',
  },
  'policy.examples.enforced': { text: 'a file whose examples contradict its rules is refused' },
  'policy.network.domains': { text: 'the last network rule of a host decides; one that asks is in neither list' },
  'policy.layers.order': {
    text: 'team, user and project files are merged in this order, an untrusted project’s not at all',
  },
  'policy.layers.broken-file': {
    text: 'a broken file keeps the rules it had, and forbids everything when it had none',
  },
  'policy.amend.line': {
    text: '“always” is one line that is added once, on a line of its own, and allows what was asked',
  },
  'policy.amend.banned': { text: 'a rule that would allow everything is never offered' },
  'policy.cli.check': {
    text: '`policy check` prints what `codex execpolicy check` prints, and refuses with file, line and column',
  },
  'policy.cli.explain': {
    text: '`policy explain` says which rule decides, which others match and why near ones do not',
  },
  'policy.cli.test': { text: '`policy test` tries every example and exits with 1 when one fails' },
  'policy.cli.whose': {
    text: 'without files, check and explain ask those that the box reads; every output says which were asked',
  },
  'policy.docs.examples': { text: 'every example of docs/policy.md is read and decides what the page says' },
} as const satisfies Requirements;
