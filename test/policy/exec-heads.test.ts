/** The compiled names, held against random rules and programs; what a verdict costs; connections. */
import assert from 'node:assert/strict';
import { existsSync, realpathSync } from 'node:fs';
import { baseName } from '@agentbox/execpolicy';
import { decide } from '../../packages/boxd/src/policy/decide.ts';
import { compileHeads, type Heads } from '../../packages/boxd/src/policy/heads.ts';
import { decideNetwork, type NetworkProtocol } from '../../packages/boxd/src/policy/network.ts';
import { randomFrom } from '../fuzz/harness.ts';
import { verifies } from '../requirements/verifies.ts';
import { facts, inForce, judge } from './exec-facts.ts';
import { makeCase } from './generate.ts';

/** As the guard compares. */
function isHead(heads: Heads, path: string): boolean {
  const name = baseName(path) ?? '';
  if (heads === 'all') return true;
  return heads.includes(name);
}

const PROGRAMS =
  'git git-push git-rm rm npm a é sudo busybox ld-2.31.so ld-2.99.so ld.so libc.so ls toybox-x86_64 toybox-new bash coreutils date x'.split(
    ' ',
  );
const FOLDERS = ['/usr/bin/', '/work/', '/opt/a b/', '/usr/bin/../bin/', '/'];
const WORDS = ['-rf', 'reset', 'rm', 'uname', 'status', 'push', '-c', '--', 'a b', '/usr/bin/git', 'git'];

verifies('exec.decide.heads', () => {
  const random = randomFrom(11);
  const pick = (list: readonly string[]): string => list[random(list.length)] ?? '';
  const path = (): string => pick(FOLDERS) + pick(PROGRAMS);
  const some = (most: number): readonly string[] => Array.from({ length: random(most + 1) }, () => pick(WORDS));
  let silent = 0;
  let decided = 0;
  for (let seed = 1; seed <= 3000; seed += 1) {
    const rules = inForce(makeCase(seed).files.join('\n'));
    if (rules.policy.unreadable.length > 0) continue;
    const heads = compileHeads(rules.policy, 'run');
    for (let turn = 0; turn < 20; turn += 1) {
      const interpreters =
        random(3) === 0 ? [{ path: path(), writable: random(2) === 0, written: path(), argument: pick(WORDS) }] : [];
      const via = random(2) === 0 ? [path()] : [];
      const program = facts(path(), [pick(PROGRAMS), ...some(4)], { via, interpreters });
      const names = [...program.names, ...interpreters].map((name) => name.path);
      const asked = [...names, ...interpreters.map(({ written }) => written)].some((name) => isHead(heads, name));
      const verdict = decide(rules, program, { noExecFromWritable: false });
      if (!asked) assert.equal(verdict.kind, 'run', `seed ${seed}: ${JSON.stringify(program)}`);
      silent += Number(!asked);
      decided += Number(verdict.kind !== 'run');
    }
  }
  assert.ok(silent > 2000 && decided > 5000, `${silent} were not asked about, ${decided} were not just run`);
});

verifies(
  'exec.decide.heads',
  () => {
    const { policy } = inForce('prefix_rule([["/opt/x/tool", "b c"]])\nhost_executable("h", [])');
    const heads = compileHeads(policy, 'run');
    for (const name of ['tool', 'b c', 'h', 'rm', 'git', 'sudo', 'ld-linux-x86-64.so.2', 'busybox'])
      assert.ok(isHead(heads, `/any/${name}`), name);
    for (const name of ['ls', 'ld', 'ldd', 'bash', 'node']) assert.ok(!isHead(heads, `/usr/bin/${name}`), name);
    const loaders = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1', '/usr/bin/ld.so'].filter(existsSync);
    for (const loader of loaders) assert.ok(isHead(heads, realpathSync(loader)), `the file of ${loader}`);
    assert.equal(compileHeads(policy, 'ask'), 'all');
    assert.equal(compileHeads(policy, 'deny'), 'all');
    assert.equal(compileHeads({ ...policy, unreadable: [{ name: 't', layer: 'team' }] }, 'run'), 'all');
  },
  { cell: 'by name' },
);

verifies('exec.decide.cost', () => {
  const rulesOf = (count: number): string =>
    Array.from({ length: count }, (_, at) => `prefix_rule(["tool${at}", ["a", "b"]], "prompt")`).join('\n');
  const [few, many] = [rulesOf(5), rulesOf(5000)].map((text) =>
    inForce(`${text}\nprefix_rule(["uname"], "forbidden")`),
  );
  assert.ok(few !== undefined && many !== undefined);
  const programs = [facts('/usr/bin/uname', ['uname', '-a'], { via: ['/bin/uname'] }), facts('/usr/bin/ls', ['ls'])];
  const costOf = (rules: typeof few): number => {
    const startedAt = performance.now();
    for (let turn = 0; turn < 20_000; turn += 1)
      for (const program of programs) decide(rules, program, { noExecFromWritable: false });
    return performance.now() - startedAt;
  };
  costOf(few);
  const rounds = Array.from({ length: 5 }, () => [costOf(few), costOf(many)] as const);
  const fastest = (at: 0 | 1): number => Math.min(...rounds.map((round) => round[at]));
  assert.ok(fastest(1) < fastest(0) * 3, `${fastest(0)} ms with few rules, ${fastest(1)} ms with many`);
});

const NETWORK = `
network_rule("api.example.com", "https", "allow")
network_rule("alt.example.com:8443", "https", "allow")
network_rule("db.example.com", "socks5_tcp", "allow")
network_rule("[2001:db8::1]:443", "https", "allow")
network_rule("both.example.com", "https", "allow")
network_rule("both.example.com", "http", "deny", justification = "not ours")
network_rule("ask.example.com", "http", "prompt")
`;
const CONNECTIONS: readonly (readonly [string, number, NetworkProtocol, string])[] = [
  ['api.example.com', 443, 'https', 'allow'],
  ['API.Example.com.', 443, 'https', 'allow'],
  ['api.example.com', 80, 'http', 'refuse'],
  ['api.example.com', 22, 'https', 'refuse'],
  ['api.example.com', 443, 'socks5', 'refuse'],
  ['x.api.example.com', 443, 'https', 'refuse'],
  ['api.example.com.evil', 443, 'https', 'refuse'],
  ['alt.example.com', 8443, 'https', 'allow'],
  ['alt.example.com', 443, 'https', 'refuse'],
  ['db.example.com', 5432, 'socks5', 'allow'],
  ['[2001:DB8::1]', 443, 'https', 'allow'],
  ['both.example.com', 443, 'https', 'refuse'],
  ['ask.example.com', 9999, 'socks5', 'ask'],
  ['', 443, 'https', 'refuse'],
];

verifies('exec.network.strictest', () => {
  const rules = { ...inForce(NETWORK), amendFile: '/r/default.rules' };
  for (const [host, port, protocol, decision] of CONNECTIONS)
    assert.equal(decideNetwork(rules, { host, port, protocol }).decision, decision, `${protocol} ${host}:${port}`);
  const both = decideNetwork(rules, { host: 'both.example.com', port: 443, protocol: 'https' });
  assert.deepEqual(both.rule, { source: '/r/a.rules', line: 7, justification: 'not ours' });
  assert.match(both.text, /a\.rules:7 forbids both\.example\.com: not ours/);
});

verifies(
  'exec.network.strictest',
  () => {
    for (const [host, port, protocol] of [
      ['new.example.com', 443, 'https'],
      ['new.example.com', 8080, 'http'],
      ['2001:db8::2', 1234, 'https'],
      ['n', 22, 'socks5'],
    ] as const) {
      const asked = { host, port, protocol };
      const { text } = decideNetwork({ ...inForce(''), amendFile: '/r/default.rules' }, asked);
      assert.match(text, /\/r\/default\.rules/);
      const line = /network_rule\(.*\)$/.exec(text)?.[0] ?? '';
      const then = decideNetwork({ ...inForce(line), amendFile: '/r/default.rules' }, asked);
      assert.equal(then.decision, 'allow', `the rule that a refusal names is the one that is needed: ${line}`);
    }
    const broken = { ...inForce(NETWORK, { suspendedBy: '/r/b.rules' }), amendFile: '/r/default.rules' };
    assert.match(decideNetwork(broken, { host: 'api.example.com', port: 443, protocol: 'https' }).text, /b\.rules/);
    assert.equal(judge('', facts('/usr/bin/curl', ['curl'])).kind, 'run');
  },
  { cell: 'what a refusal names' },
);
