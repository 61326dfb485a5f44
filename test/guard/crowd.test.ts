/** Questions of many sessions: none of one caller takes the place of another's. */
import assert from 'node:assert/strict';
import { newPrincipalId, newSessionId, type PrincipalId } from '@agentbox/protocol';
import { type Draft, Questions } from '../../packages/boxd/src/guard/questions.ts';
import { verifies } from '../requirements/verifies.ts';

function draft(owner: PrincipalId, session = newSessionId()): Draft {
  const facts = {
    file: '/bin/rm',
    argv: ['rm'],
    cwd: '/',
    sha256: '',
    interpreters: [],
    rule: null,
    reason: 'x',
    runs: 'sandbox',
    profile: 'workspace',
    mayWrite: [],
    network: 'none',
  } as const;
  return { owner, session, facts, bindsTo: session, proposal: null };
}

verifies('guard.pending.crowd', async () => {
  const questions = new Questions({
    waitMs: () => 60_000,
    onChange: () => undefined,
    amend: () => Promise.resolve(null),
  });
  const [first, second] = [newPrincipalId(), newPrincipalId()];
  const never = new AbortController();
  const held = (given: Draft): Promise<string> =>
    Promise.race([
      questions.ask(given, never.signal).then(({ kind }) => kind),
      new Promise<string>((resolve) => void setImmediate(() => resolve('held'))),
    ]);
  try {
    const session = newSessionId();
    for (let count = 0; count < 32; count++) assert.equal(await held(draft(first, session)), 'held');
    assert.equal(await held(draft(first, session)), 'crowded', 'of one session');
    for (let count = 0; count < 32; count++) assert.equal(await held(draft(first)), 'held');
    assert.equal(await held(draft(first)), 'crowded', 'of one caller');
    assert.equal(await held(draft(second)), 'held', 'of another one');
  } finally {
    never.abort();
    questions.close();
  }
});
