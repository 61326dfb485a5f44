/** Who may give which answer through which face: one line for each case. */
import assert from 'node:assert/strict';
import type { ApprovalSettings } from '@agentbox/control-plane';
import type { QuestionAnswer, QuestionFace, Scope } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { house } from './inbox.ts';
import { asked, person } from './samples.ts';

type Cell = readonly [
  says: string,
  who: 'asker' | 'other',
  scopes: readonly Scope[],
  face: QuestionFace,
  decision: QuestionAnswer,
  settings: Partial<ApprovalSettings>,
  expected: 'accepted' | 'forbidden' | 'not-found',
];

const CELLS: readonly Cell[] = [
  ['the person behind the client', 'asker', ['exec'], 'client', 'once', {}, 'accepted'],
  ['and may write the rule', 'asker', ['exec'], 'client', 'always', {}, 'accepted'],
  ['unless the operator says otherwise', 'asker', ['exec'], 'client', 'once', { clientMayAnswer: false }, 'forbidden'],
  ['a no is always heard', 'asker', ['exec'], 'client', 'deny', { clientMayAnswer: false }, 'accepted'],
  ['exec alone approves nothing elsewhere', 'asker', ['exec'], 'console', 'once', { selfApproval: true }, 'forbidden'],
  ['nobody answers their own question', 'asker', ['exec', 'approve'], 'console', 'once', {}, 'forbidden'],
  ['unless the operator said so', 'asker', ['exec', 'approve'], 'console', 'once', { selfApproval: true }, 'accepted'],
  ['the command line is the operator in person', 'asker', ['approve'], 'cli', 'session', {}, 'accepted'],
  ['whoever may approve', 'other', ['approve'], 'console', 'once', {}, 'accepted'],
  ['exec does not answer for others', 'other', ['exec'], 'client', 'once', {}, 'not-found'],
  ['nor refuse for others', 'other', ['exec', 'files', 'skills', 'admin'], 'client', 'deny', {}, 'not-found'],
];

for (const [says, who, scopes, face, decision, settings, expected] of CELLS) {
  verifies(
    'approvals.permission',
    async () => {
      using home = house();
      await using inbox = await home.start(settings);
      const by = person(...scopes);
      const question = asked(who === 'asker' ? { owner: by.id } : {});
      await inbox.approvals.opened(question);
      const { kind } = await inbox.approvals.answer(question.id, { decision, by, face, note: null });
      assert.equal(kind, expected);
      const stored = await inbox.approvals.get(question.id, null);
      assert.equal(stored?.state, expected === 'accepted' ? 'answered' : 'open');
    },
    { cell: says },
  );
}

verifies(
  'approvals.permission',
  async () => {
    using home = house();
    await using inbox = await home.start();
    const by = person('approve');
    const question = asked({ proposal: null });
    await inbox.approvals.opened(question);
    const always = await inbox.approvals.answer(question.id, { decision: 'always', by, face: 'cli', note: null });
    assert.equal(always.kind, 'forbidden');
  },
  { cell: 'always only where a rule may be written' },
);
