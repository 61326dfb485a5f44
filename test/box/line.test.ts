/** The client's line to the daemon serves everybody: what one request gets wrong stays with that request. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { newSessionId } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { refusal, spawnRequest, startTestBox } from './harness.ts';

const box = await startTestBox();
after(() => box[Symbol.asyncDispose]());

verifies('box.wire.too-large-request', async () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `${'N'.repeat(1000)}_${index}`);
  const env = Object.fromEntries(names.map((name) => [name, '']));
  const refused = await refusal(box.box.spawn({ ...spawnRequest('true', {}), session: newSessionId(), env }));
  assert.equal(refused.code, 'COMMAND_TOO_LARGE');
  const { text } = await box.run('echo still here');
  assert.equal(text, 'still here\n');
});
