/** docs/policy.md, fence by fence: each is read, and each line `# command -> decision` holds. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluate, loadRules, NOWHERE, splitWords } from '@agentbox/execpolicy';
import { BUILTINS } from '../../packages/execpolicy/src/starlark/builtins.ts';
import { DICT_METHODS, LIST_METHODS } from '../../packages/execpolicy/src/starlark/collection-methods.ts';
import { STRING_METHODS } from '../../packages/execpolicy/src/starlark/string-methods.ts';
import { verifies } from '../requirements/verifies.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/policy.md'), 'utf8');
const fences = [...page.matchAll(/^```rules( refused)?\n([\s\S]*?)^```$/gmu)];
const FACTS = { ...NOWHERE, resolveHostExecutables: true, restrictByBasename: false };

verifies('policy.docs.examples', () => {
  assert.ok(fences.length >= 8, `${fences.length} fences`);
  let decided = 0;
  for (const [, refused, text = ''] of fences) {
    const loaded = loadRules([{ name: 'policy.md', layer: 'user', text }]);
    assert.equal(loaded.kind, refused === undefined ? 'loaded' : 'refused', text);
    if (loaded.kind === 'refused') continue;
    for (const [, command = '', decision] of text.matchAll(/^# (.+) -> (\w+)$/gmu)) {
      const found = evaluate(loaded.policy, splitWords(command) ?? [], FACTS);
      assert.equal(found.decision ?? 'none', decision, command);
      decided += 1;
    }
  }
  assert.ok(decided >= 12, `${decided} decisions`);
});

verifies(
  'policy.docs.examples',
  () => {
    const words = new Set(page.match(/\w+/gu));
    const tables = [BUILTINS, STRING_METHODS, LIST_METHODS, DICT_METHODS];
    const missing = tables.flatMap((table) => Object.keys(table)).filter((name) => !words.has(name));
    assert.deepEqual(missing, []);
  },
  { cell: 'the page lists every builtin and method' },
);
