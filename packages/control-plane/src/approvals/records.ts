/** What the record says of a question: who asked for what, who decided how. Facts by reference where they are large. */
import { createHash } from 'node:crypto';
import { unreachable } from '@agentbox/base';
import type { AuditEntry, Question } from '@agentbox/protocol';

/** characters of one argument, and arguments, that are kept as they are */
const MAX_ARGUMENT_CHARS = 256;
const MAX_ARGUMENTS = 32;

type Detail = AuditEntry['detail'];

export function openedEntry(question: Question, at: number, refused: string | null): AuditEntry {
  const { id, session, askedBy, facts, bindsTo, expiresAt } = question;
  const { file, argv, cwd, sha256, rule, reason, runs, profile } = facts;
  const shown = argv.slice(0, MAX_ARGUMENTS).map((word) => word.slice(0, MAX_ARGUMENT_CHARS));
  const source = rule === null ? null : `${rule.source}${rule.line === null ? '' : `:${rule.line}`}`;
  const whole = { count: argv.length, sha256: createHash('sha256').update(JSON.stringify(argv)).digest('hex') };
  const program = { file, argv: shown, arguments_whole: whole, cwd, sha256 };
  const asked: Detail = { session, ...program, rule: source, reason, runs, profile, binds_to: bindsTo };
  return {
    at,
    kind: 'question.opened',
    principal: askedBy,
    trace: null,
    subject: id,
    outcome: refused === null ? 'waiting' : 'refused',
    detail: { ...asked, expires_at: expiresAt, ...(refused === null ? {} : { refused }) },
  };
}

export function endedEntry(question: Question, at: number): AuditEntry {
  const { id, session, bindsTo, state, answer } = question;
  const common = { at, kind: 'question.answered', trace: null, subject: id } as const;
  switch (state) {
    case 'answered': {
      const { decision = 'deny', by = null, face = null, note = null } = answer ?? {};
      const outcome = decision === 'deny' ? 'refused' : 'ok';
      return { ...common, principal: by, outcome, detail: { session, decision, face, note, binds_to: bindsTo } };
    }
    case 'open':
    case 'expired':
    case 'withdrawn':
      return {
        ...common,
        principal: null,
        outcome: 'refused',
        detail: { session, decision: state, binds_to: bindsTo },
      };
    default:
      return unreachable(state);
  }
}

/** The rule that an answer for always has written. */
export function ruleEntry(
  question: Question['id'],
  by: AuditEntry['principal'],
  rule: { readonly file: string; readonly line: number; readonly text: string },
  at: number,
): AuditEntry {
  const { file, line, text } = rule;
  const detail = { question, line, rule: text };
  return { at, kind: 'policy.changed', principal: by, trace: null, subject: file, outcome: 'ok', detail };
}
