/** The registries that the rest of the house leans on. */
import assert from 'node:assert/strict';
import {
  ERROR_CODES,
  HINT,
  HTTP_STATUS,
  newCallId,
  newPrincipalId,
  newSessionId,
  newTraceId,
  parseCallId,
  parsePrincipalId,
  parseSessionId,
  parseTraceId,
} from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';

verifies('house.errors.registry', () => {
  for (const code of ERROR_CODES) {
    assert.ok(HTTP_STATUS[code] >= 400 && HTTP_STATUS[code] < 600, code);
    assert.match(HINT[code], /^[A-Z].+\.$/, code);
  }
  assert.equal(new Set(ERROR_CODES).size, ERROR_CODES.length);
});

const MINTS = [
  ['session', newSessionId, parseSessionId],
  ['call', newCallId, parseCallId],
  ['principal', newPrincipalId, parsePrincipalId],
  ['trace', newTraceId, parseTraceId],
] as const;

for (const [cell, mint, parse] of MINTS) {
  verifies(
    'house.ids.unguessable',
    () => {
      const seen = new Set<string>();
      for (let count = 0; count < 10_000; count += 1) {
        const id = mint();
        assert.equal(parse(id), id);
        seen.add(id);
      }
      assert.equal(seen.size, 10_000);
      assert.equal(parse('../etc/passwd'), undefined);
    },
    { cell },
  );
}
