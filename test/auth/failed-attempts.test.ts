/** The memory of wrong tokens. */
import assert from 'node:assert/strict';
import { FailedAttempts } from '../../packages/auth/src/resource-server/failed-attempts.ts';
import { verifies } from '../requirements/verifies.ts';

verifies('auth.attempts.bounded', () => {
  const attempts = new FailedAttempts({ burst: 2, refillMs: 1_000, addresses: 100 }, () => 0);
  for (let n = 0; n < 10_000; n += 1) attempts.record(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
  assert.equal(attempts.remembered, 100);
});

verifies(
  'auth.attempts.bounded',
  () => {
    const attempts = new FailedAttempts({ burst: 2, refillMs: 1_000, addresses: 100 }, () => 0);
    for (const host of ['1', '2', 'ffff:1:2:3'])
      attempts.record(`2001:db8:1:2:${host.includes(':') ? host : `:${host}`}`);
    assert.equal(attempts.remembered, 1);
    assert.equal(attempts.record('2001:db8:1:2::9'), 1);
    assert.equal(attempts.record('2001:db8:1:3::9'), null);
  },
  { cell: 'one IPv6 network' },
);
