/** What rules decide, and which rule it was. */
import assert from 'node:assert/strict';
import { explain, networkDomains, PLAIN_FACTS } from '@agentbox/execpolicy';
import { verifies } from '../requirements/verifies.ts';
import { ask, policyOf, problemOf } from './rules-of.ts';

const GIT = `
prefix_rule(["git"], "allow")
prefix_rule(["git", ["push", "fetch"]], "prompt", justification = "leaves the machine")
def no(*words):
    prefix_rule(list(words), "forbidden")
no("git", "push", "--force")
prefix_rule(["git", "push"], "forbidden" if False else "prompt")
`;

verifies('policy.decide.strictest', () => {
  const policy = policyOf(GIT, 'prefix_rule(["git", "push"], "forbidden")');
  assert.equal(ask(policy, 'git status').decision, 'allow');
  assert.equal(ask(policy, 'git fetch x').decision, 'prompt');
  const pushed = ask(policy, 'git push --force');
  assert.deepEqual(
    pushed.matches.map(({ rule, matchedPrefix }) => [rule.origin.file, rule.origin.line, matchedPrefix.length]),
    [
      ['0.rules', 2, 1],
      ['0.rules', 3, 2],
      ['0.rules', 5, 3],
      ['0.rules', 7, 2],
      ['1.rules', 1, 2],
    ],
  );
  assert.deepEqual([pushed.decidedBy?.rule.origin.line, pushed.decidedBy?.rule.origin.column], [5, 5]);
  const unknown = ask(policy, 'gitx');
  assert.deepEqual([unknown.decision, unknown.decidedBy, unknown.matches], [null, null, []]);
});

verifies('policy.decide.paths', () => {
  const rules = 'prefix_rule(["git", "x"], "allow")\n';
  const resolve = { resolveHostExecutables: true };
  assert.equal(ask(policyOf(rules), '/usr/bin/git x').decision, null);
  const free = ask(policyOf(rules), '/usr//bin/../bin/git x', resolve);
  assert.deepEqual([free.decision, free.decidedBy?.resolvedProgram], ['allow', '/usr/bin/git']);
  const bound = policyOf(rules, 'host_executable("git", ["/usr/bin/git"])');
  assert.equal(ask(bound, '/usr/bin/git x', resolve).decision, 'allow');
  assert.equal(ask(bound, '/tmp/git x', resolve).decision, null);
  assert.equal(ask(bound, './git x', { ...resolve, cwd: '/usr/bin' }).decision, 'allow');
  assert.equal(ask(bound, './git x', resolve).decision, null, 'a relative path without a place is no path');
  const never = policyOf(rules, 'host_executable("git", ["/usr/bin/git"])', 'host_executable("git", [])');
  assert.equal(ask(never, '/usr/bin/git x', resolve).decision, null, 'the last definition holds');
  const exact = policyOf(rules, 'prefix_rule(["/usr/bin/git"], "prompt")');
  assert.equal(ask(exact, '/usr/bin/git x', resolve).decision, 'prompt', 'an exact rule leaves the name aside');
});

verifies('policy.decide.restrictive', () => {
  const policy = policyOf(
    'prefix_rule(["rm"], "forbidden")\nprefix_rule(["ls"])\nhost_executable("rm", [])\nhost_executable("ls", [])',
  );
  const facts = { resolveHostExecutables: true, restrictByBasename: true };
  assert.equal(ask(policy, '/tmp/rm -rf', facts).decision, 'forbidden');
  assert.equal(ask(policy, '../rm', facts).decision, 'forbidden');
  assert.equal(ask(policy, '/tmp/ls', facts).decision, null, 'what allows stays bound to its paths');
  assert.equal(ask(policy, 'rm', facts).matches.length, 1, 'a rule is told once');
});

verifies('policy.examples.enforced', () => {
  const wanted = problemOf('\nprefix_rule(["a", "b"],\n  match = ["a b c", "a x"])');
  assert.deepEqual([wanted.line, wanted.column], [2, 1]);
  assert.match(wanted.message, /own example: a x/u);
  assert.match(problemOf('prefix_rule(["a"], not_match = ["a \'b c\'"])').message, /says it does not: a 'b c'/u);
  policyOf('prefix_rule(["a"], match = ["/x/a"])');
  assert.match(
    problemOf('prefix_rule(["a"], match = ["/x/a"])\nhost_executable("a", ["/y/a"])').message,
    /own example/u,
  );
});

verifies('policy.network.domains', () => {
  const rules = [
    '"A.b.", "http", "allow"',
    '"c:80", "https", "deny"',
    '"a.b", "https", "deny"',
    '"d", "http", "prompt"',
    '"c", "http", "allow"',
  ];
  const policy = policyOf(rules.map((rule) => `network_rule(${rule})`).join('\n'));
  assert.deepEqual(networkDomains(policy), { allowed: ['c'], denied: ['a.b'] });
});

verifies(
  'policy.decide.strictest',
  () => {
    const policy = policyOf(GIT);
    const told = explain(policy, ['git', 'push'], PLAIN_FACTS, ask(policy, 'git push'));
    assert.match(told[0] ?? '', /`git push` is put to a person by 0\.rules:3:1/u);
    assert.ok(told.includes('Its reason: leaves the machine'));
    assert.ok(
      told.some((line) => /0\.rules:2:1 also matches \(git\), but says allow, which is less strict/u.test(line)),
    );
    assert.ok(
      told.some((line) =>
        /0\.rules:5:5 does not match: word 3 must be --force, and the command ends there/u.test(line),
      ),
    );
  },
  { cell: 'in sentences' },
);
