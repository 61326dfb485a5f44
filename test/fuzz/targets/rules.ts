/** Rule files of any bytes: read or refused with a place inside the file, never a throw, and always the same. */
import assert from 'node:assert/strict';
import { amendPrefix, checkJson, evaluate, explain, loadRules, PLAIN_FACTS, splitWords } from '@agentbox/execpolicy';
import { makeCase } from '../../policy/generate.ts';
import { makeProgram } from '../../policy/starlark-oracle/programs.ts';
import type { Target } from '../harness.ts';

const FACTS = { ...PLAIN_FACTS, resolveHostExecutables: true, restrictByBasename: true, cwd: '/w', home: '/h' };

function check(bytes: Uint8Array): void {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const source = { name: 'f.rules', layer: 'user', text } as const;
  const loaded = loadRules([source]);
  assert.deepEqual(loadRules([source]), loaded, 'the same twice');
  const argv = splitWords(text.slice(0, 200)) ?? ['git', 'push'];
  if (loaded.kind === 'refused') {
    const { line, column, message, hint } = loaded.problem;
    const lines = text.split('\n');
    assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
    assert.ok(column >= 1 && column <= (lines[line - 1] ?? '').length + 1, `column ${column}`);
    assert.ok(message !== '' && hint !== '');
    return;
  }
  for (const words of [argv, ['git', 'push'], ['/usr/bin/git', 'push']]) {
    const found = evaluate(loaded.policy, words, FACTS);
    JSON.parse(checkJson(found, false));
    assert.ok(explain(loaded.policy, words, FACTS, found).length > 0);
    assert.equal(found.decision === null, found.matches.length === 0);
    const amendment = amendPrefix(text, words);
    if (amendment.kind !== 'append') continue;
    const again = loadRules([{ ...source, text: text + amendment.text }]);
    assert.equal(again.kind, 'loaded', 'a line that is added keeps the file readable');
  }
}

const seedTexts = Array.from({ length: 12 }, (_, seed) => makeCase(seed * 31).files.join('\n'));

export const rules: Target = {
  name: 'rules',
  seeds: [...seedTexts, makeProgram(3).ours, makeProgram(9).ours].map((text) => new TextEncoder().encode(text)),
  dictionary: [
    'prefix_rule(["git"], ',
    'decision = "prompt"',
    'match = ["git x"]',
    'host_executable("git", ["/usr/bin/git"])',
    'network_rule("a.b", "https", "deny")',
    'def f(a, *b, c = 1, **d):\n    ',
    'for i in range(9):\n  ',
    'if x:\n  ',
    'lambda x: ',
    ' % ',
    'f"{',
    '}"',
    '!r',
    '"""',
    '[::-1]',
    '\\u',
    ' for x in [1]',
    '\n    ',
    '\t',
    '\r\n',
    '# ',
    ' << 9',
    ' * 9999999',
    '.format(',
    '.split(',
    '()',
  ],
  run: check,
};
