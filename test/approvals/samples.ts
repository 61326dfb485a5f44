/** Questions as a box would ask them. */
import { createHash } from 'node:crypto';
import type { Principal } from '@agentbox/control-plane';
import {
  type ExecQuestion,
  newPrincipalId,
  newQuestionId,
  newSessionId,
  OPERATOR,
  type Question,
  type Scope,
} from '@agentbox/protocol';

export const OPERATOR_CALLER: Principal = {
  id: OPERATOR,
  name: 'operator',
  scopes: new Set(['exec', 'approve', 'admin']),
};

export function person(...scopes: readonly Scope[]): Principal {
  return { id: newPrincipalId(), name: 'somebody', scopes: new Set(scopes) };
}

export function asked(rest: Partial<ExecQuestion> = {}, facts: Partial<ExecQuestion['facts']> = {}): ExecQuestion {
  const now = Date.now();
  const whole: ExecQuestion['facts'] = {
    file: '/usr/bin/git',
    argv: ['git', 'push', 'origin', 'main'],
    cwd: '/work/project',
    sha256: 'c0ffee'.padEnd(64, '0'),
    interpreters: [],
    rule: { source: '/etc/agentbox/rules/team.rules', line: 12, justification: 'publishing is for people' },
    reason: 'publishing is for people',
    runs: 'outside',
    profile: 'workspace',
    mayWrite: ['/work/project'],
    network: 'rules',
    ...facts,
  };
  return {
    id: newQuestionId(),
    session: newSessionId(),
    owner: newPrincipalId(),
    askedAt: now,
    expiresAt: now + 60_000,
    facts: whole,
    bindsTo: createHash('sha256').update(JSON.stringify(whole)).digest('hex'),
    proposal: ['git', 'push'],
    ...rest,
  };
}

export function kept(question: ExecQuestion, rest: Partial<Question> = {}): Question {
  const { owner, ...same } = question;
  return { ...same, kind: 'exec', askedBy: owner, state: 'open', answer: null, delivery: 'none', ...rest };
}
