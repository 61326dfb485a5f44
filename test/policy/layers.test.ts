/** Files of several layers, read again and again, and the lines that are added to them. */
import assert from 'node:assert/strict';
import {
  amendNetwork,
  amendPrefix,
  evaluate,
  type LayeredSource,
  PLAIN_FACTS,
  type Policy,
  reloadRules,
} from '@agentbox/execpolicy';
import { verifies } from '../requirements/verifies.ts';
import { ask, policyOf } from './rules-of.ts';

const source = (layer: LayeredSource['layer'], text: string, more: Partial<LayeredSource> = {}): LayeredSource => ({
  name: `${layer}.rules`,
  layer,
  text,
  isTrusted: true,
  ...more,
});
const decides = (policy: Policy, ...argv: readonly string[]) => evaluate(policy, argv, PLAIN_FACTS).decision;

verifies('policy.layers.order', () => {
  const files = [
    source('project', 'host_executable("v", ["/project/v"])\nprefix_rule(["p"])'),
    source('user', 'prefix_rule(["v"], "prompt")', { name: 'b.rules' }),
    source('user', 'prefix_rule(["v"], "allow")', { name: 'a.rules' }),
    source('team', 'prefix_rule(["v"], "forbidden")\nhost_executable("v", [])'),
  ];
  const { policy, problems } = reloadRules(null, files);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    policy.files.map(({ name }) => name),
    ['team.rules', 'a.rules', 'b.rules', 'project.rules'],
  );
  assert.equal(decides(policy, 'v'), 'forbidden', 'no later file loosens the team');
  assert.deepEqual(policy.hostExecutables.get('v'), ['/project/v']);
  const without = reloadRules(
    null,
    files.map((file) => ({ ...file, isTrusted: false })),
  );
  assert.deepEqual(without.untrusted, ['project.rules']);
  assert.equal(decides(without.policy, 'p'), null);
});

verifies('policy.layers.broken-file', () => {
  const good = [source('team', 'prefix_rule(["rm"], "forbidden")'), source('user', 'prefix_rule(["ls"], "allow")')];
  const first = reloadRules(null, good).policy;
  const broken = [source('team', 'prefix_rule(["rm"], "forbiden")'), source('user', 'prefix_rule(["ls"], "prompt")')];
  const second = reloadRules(first, broken);
  assert.equal(second.problems[0]?.hint, 'did you mean "forbidden"?');
  assert.equal(decides(second.policy, 'rm'), 'forbidden', 'what it forbade stays forbidden');
  assert.equal(decides(second.policy, 'ls'), 'prompt', 'other files are renewed');
  const third = reloadRules(second.policy, broken);
  assert.equal(decides(third.policy, 'rm'), 'forbidden', 'and after another reading');
  const fresh = reloadRules(null, broken);
  assert.equal(decides(fresh.policy, 'ls'), 'forbidden', 'nobody knows what the file would have forbidden');
  assert.deepEqual(
    ask(fresh.policy, 'x').unreadable.map(({ name }) => name),
    ['team.rules'],
  );
  const mended = reloadRules(fresh.policy, good);
  assert.deepEqual([decides(mended.policy, 'ls'), decides(mended.policy, 'rm')], ['allow', 'forbidden']);
});

verifies('policy.amend.line', () => {
  const first = amendPrefix('', ['npm', 'run', 'a "b" c\\', 'é/']);
  assert.equal(first.kind, 'append');
  if (first.kind !== 'append') return;
  assert.equal(first.text, 'prefix_rule(pattern=["npm", "run", "a \\"b\\" c\\\\", "é/"], decision="allow")\n');
  assert.equal(decides(policyOf(first.text), 'npm', 'run', 'a "b" c\\', 'é/', 'more'), 'allow');
  assert.equal(amendPrefix(first.text, ['npm', 'run', 'a "b" c\\', 'é/']).kind, 'present');
  const second = amendPrefix('prefix_rule(["x"])', ['ls']);
  assert.equal(second.kind === 'append' && second.text, '\nprefix_rule(pattern=["ls"], decision="allow")\n');
  const network = { host: 'a.example', protocol: 'https', decision: 'allow', justification: 'why' } as const;
  const third = amendNetwork('', network);
  assert.equal(
    third.kind === 'append' && third.line,
    'network_rule(host="a.example", protocol="https", decision="allow", justification="why")',
  );
  assert.equal(amendNetwork('', { ...network, host: '*.example' }).kind, 'refused');
  assert.equal(amendPrefix('', ['ls', '\ud800']).kind, 'refused');
  assert.equal(amendPrefix('', ['ls', 'a\nb']).kind, 'refused');
});

verifies('policy.amend.banned', () => {
  const BANNED =
    'bash|bash -lc x|sh -c|/bin/sh|zsh|dash x|env|env ls|/usr/bin/env python|sudo|sudo ls|doas x|python|python3|python3.11 -c|pypy3|py|node|node -e|nodejs|perl -e|ruby|php -r|lua|git|git -c x|pwsh|osascript|xargs rm|timeout 5 ls|nohup x|busybox sh|ld-linux.so x|find|find -exec';
  for (const command of BANNED.split('|')) assert.equal(amendPrefix('', command.split(' ')).kind, 'refused', command);
  for (const command of ['git status', 'python3 build.py', 'npm test', 'ls', 'node server.js', 'cargo build'])
    assert.equal(amendPrefix('', command.split(' ')).kind, 'append', command);
  assert.equal(amendPrefix('', []).kind, 'refused');
  assert.equal(amendPrefix('', ['']).kind, 'refused');
});
