/** Rules and facts of a program to a verdict, cell by cell: names, wrappers, trust, heuristics and defaults. */
import assert from 'node:assert/strict';
import type { ExecFacts } from '@agentbox/protocol';
import { decide } from '../../packages/boxd/src/policy/decide.ts';
import { environmentForEscalation } from '../../packages/boxd/src/policy/index.ts';
import { verifies } from '../requirements/verifies.ts';
import { facts, inForce, judge } from './exec-facts.ts';

const FORBID = 'prefix_rule(["uname"], "forbidden", justification = "ask the operator")';
const LOADER = '/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2';
const BUSYBOX = '/usr/bin/busybox';
type Cell = readonly [string, ExecFacts];

const UNDER_A_NAME: readonly Cell[] = [
  ['its path', facts('/usr/bin/uname', ['uname', '-a'])],
  ['a lie in argv[0]', facts('/usr/bin/uname', ['ls'])],
  ['no words at all', facts('/usr/bin/uname', [])],
  ['a link of another name', facts('/usr/bin/uname', ['u2'], { via: ['/work/u2'] })],
  ['a link of this name to another program', facts('/usr/bin/arch', ['uname'], { via: ['/usr/bin/uname'] })],
  ['the middle of a chain', facts('/usr/bin/arch', ['x'], { via: ['/work/x', '/opt/uname'] })],
  ['a path of the process file system', facts('/usr/bin/uname', ['uname'], { via: ['/proc/self/root/usr/bin/uname'] })],
  ['a copy that kept its name', facts('/work/uname', ['uname'])],
];

const INSIDE_ANOTHER: readonly Cell[] = [
  ['busybox', facts(BUSYBOX, ['busybox', 'uname'])],
  ['busybox twice', facts(BUSYBOX, ['busybox', 'busybox', 'uname'])],
  ['busybox by argv[0]', facts(BUSYBOX, ['uname', '-a'])],
  ['busybox as a login shell would', facts(BUSYBOX, ['-uname'])],
  ['a link to busybox', facts(BUSYBOX, ['u'], { via: ['/bin/uname'] })],
  ['busybox under the name of a version', facts(BUSYBOX, ['busybox-1.36', 'uname'])],
  ['the shell of busybox', facts(BUSYBOX, ['busybox', 'sh', '-c', 'cd /; true && uname -a'])],
  ['toybox', facts('/usr/bin/toybox', ['toybox', 'uname'])],
  ['coreutils', facts('/usr/bin/coreutils', ['coreutils', 'uname'])],
  ['coreutils by option', facts('/usr/bin/coreutils', ['coreutils', '--coreutils-prog=uname', '-a'])],
  [
    'coreutils by first line',
    facts('/usr/bin/coreutils', ['coreutils', '--coreutils-prog-shebang=uname', '/bin/uname']),
  ],
  ['a loader', facts(LOADER, [LOADER, '/usr/bin/uname'])],
  ['a loader with options', facts(LOADER, ['x', '--library-path', '/l', '--argv0', 'ls', '/usr/bin/uname', '-a'])],
  ['a loader behind its link', facts(LOADER, ['ld', '/bin/uname'], { via: ['/lib64/ld-linux-x86-64.so.2'] })],
  ['a loader of busybox', facts(LOADER, ['ld', BUSYBOX, 'uname'])],
  ['the loader of musl', facts('/lib/ld-musl-x86_64.so.1', ['ld', '--', '/bin/uname'])],
  [
    'the interpreter of a script',
    facts('/work/s', ['./s'], { interpreters: [{ path: '/usr/bin/uname', writable: false }] }),
  ],
  [
    'the interpreter of a script as it is written',
    facts('/work/s', ['./s'], { interpreters: [{ path: '/usr/bin/arch', writable: false, written: '/bin/uname' }] }),
  ],
  [
    'busybox as an interpreter',
    facts('/work/s', ['./s'], { interpreters: [{ path: BUSYBOX, writable: false, argument: 'uname' }] }),
  ],
];

for (const [requirement, cells] of [
  ['exec.decide.names', UNDER_A_NAME],
  ['exec.decide.inner', INSIDE_ANOTHER],
] as const)
  for (const [cell, program] of cells)
    verifies(
      requirement,
      () => {
        const verdict = judge(FORBID, program);
        assert.deepEqual(verdict, {
          kind: 'deny',
          by: 'rule',
          rule: { source: '/r/a.rules', line: 1, justification: 'ask the operator' },
          text: 'ask the operator',
        });
      },
      { cell },
    );

verifies('exec.decide.inner', () => {
  const rule = 'prefix_rule(["rm", "-f", "/work/s"], "forbidden")';
  const interpreters = [{ path: '/usr/bin/rm', writable: false, argument: '-f' }];
  const script = facts('/work/s', ['./s', 'more'], { interpreters });
  assert.equal(judge(rule, script).kind, 'deny', 'the words are those that the kernel makes');
  const chain = [
    { path: '/work/b', writable: true, argument: 'x y' },
    { path: '/usr/bin/awk', writable: false, argument: '-f' },
  ];
  const words = 'prefix_rule(["awk", "-f", "/work/b", "x y", "/work/s", "more"], "forbidden")';
  assert.equal(judge(words, facts('/work/s', ['./s', 'more'], { interpreters: chain })).kind, 'deny');
});

verifies(
  'exec.decide.inner',
  () => {
    const loader = { path: '/usr/lib/ld-linux-x86-64.so.2', writable: false, argument: '/usr/bin/uname' };
    assert.equal(judge(FORBID, facts('/work/s', ['./s'], { interpreters: [loader] })).kind, 'deny', 'by a loader');
    const hidden = { ...loader, argument: '/work/u' };
    assert.equal(judge(FORBID, facts('/work/s', ['./s'], { interpreters: [hidden] })).kind, 'ask', 'by a link');
    const link = { path: '/work/u', writable: true };
    const found = {
      path: '/usr/bin/real',
      writable: false,
      written: '/work/u',
      names: [link, { path: '/usr/bin/uname', writable: false }],
    };
    assert.equal(
      judge(FORBID, facts('/work/s', ['./s'], { interpreters: [found] })).kind,
      'deny',
      'by a name on the way',
    );
    const wipes = { path: '/usr/bin/rm', writable: false, argument: '-rf' };
    assert.equal(judge('', facts('/work/s', ['./s'], { interpreters: [wipes] })).kind, 'ask', 'by what it does');
  },
  { cell: 'in the first line of a script' },
);

verifies(
  'exec.decide.names',
  () => {
    const rules = `host_executable("uname", [])\nprefix_rule(["uname"])\nprefix_rule(["uname", "-a"], "prompt")\n${FORBID}`;
    assert.equal(judge(rules, facts('/usr/bin/uname', ['uname', '-a'])).kind, 'deny', 'the strictest decides');
    assert.equal(judge(FORBID, facts('/usr/bin/unames', ['uname'])).kind, 'run', 'argv[0] alone is no name');
  },
  { cell: 'strictest' },
);

const GIT = '/usr/bin/git';
const PUSHES: readonly Cell[] = [
  ['by its subcommand', facts(GIT, ['git', 'push'])],
  ['by argv[0]', facts(GIT, ['git-push', 'origin'])],
  ['by a link of its own', facts(GIT, ['x'], { via: ['/usr/lib/git-core/git-push'] })],
  ['by a file of its own', facts('/usr/lib/git-core/git-push', ['x'])],
];

for (const [cell, program] of PUSHES)
  verifies(
    'exec.decide.inner',
    () => {
      assert.equal(judge('prefix_rule(["git", "push"], "forbidden")', program).kind, 'deny');
      assert.notEqual(judge('prefix_rule(["git", "status"])', program).kind, 'escalate');
    },
    { cell: `git push ${cell}` },
  );

const ALLOW = 'prefix_rule(["date"])';
const SCRIPT = [{ path: '/usr/bin/dash', writable: false }];
const OUT: readonly Cell[] = [
  ['its path', facts('/usr/bin/date', ['date', '-u'])],
  ['a link of the system', facts('/usr/bin/gdate', ['date'], { via: ['/usr/bin/date'] })],
  ['a link of the sandbox to the very file', facts('/usr/bin/date', ['x'], { via: ['/work/x'] })],
  ['a script of the system', facts('/usr/bin/date', ['date'], { interpreters: SCRIPT })],
  ['an applet under its own name', facts(BUSYBOX, ['date'], { via: ['/usr/bin/date'] })],
];
const NOT_OUT: readonly Cell[] = [
  ['a planted ./date', facts('/work/date', ['date'])],
  ['a planted link to another program', facts('/usr/bin/python3', ['date'], { via: ['/work/date'] })],
  ['a link that leads through the sandbox', facts('/usr/bin/python3', ['date'], { via: ['/usr/bin/date', '/work/y'] })],
  ['a script that the sandbox can write', facts('/work/date', ['date'], { interpreters: SCRIPT })],
  [
    'an interpreter that the sandbox can write',
    facts('/usr/bin/date', ['date'], { interpreters: [{ path: '/work/sh', writable: true }] }),
  ],
  [
    'a script whose interpreter alone is allowed',
    facts('/opt/s', ['s'], { interpreters: [{ path: '/usr/bin/date', writable: false }] }),
  ],
  ['a program in memory', facts('/usr/bin/date', ['date'], { kind: 'memfd' })],
  ['a deleted program', facts('/usr/bin/date', ['date'], { kind: 'deleted' })],
  ['a loader', facts(LOADER, ['ld', '--preload', '/work/evil.so', '/usr/bin/date'])],
  ['an applet by its argument', facts(BUSYBOX, ['busybox', 'date'])],
  ['another subcommand of git under an allowed one', facts('/usr/bin/git', ['git-push', 'x'], { via: ['/opt/date'] })],
  ['another applet under an allowed name', facts(BUSYBOX, ['sh', '-c', 'id'], { via: ['/usr/bin/date'] })],
];

for (const [cell, program] of OUT)
  verifies('exec.decide.escalate', () => assert.equal(judge(ALLOW, program).kind, 'escalate'), { cell });
for (const [cell, program] of NOT_OUT) {
  verifies(
    'exec.decide.escalate',
    () => {
      assert.equal(judge(ALLOW, program).kind, 'run');
      const denied = judge(ALLOW, program, 'deny').kind;
      assert.ok(denied === 'deny' || denied === 'ask', 'and an allow-list is not entered by it');
    },
    { cell },
  );
  verifies(
    'exec.decide.escalate',
    () => {
      const asked = judge('prefix_rule(["date"], "prompt")', program);
      assert.equal(asked.kind === 'ask' && asked.runs, 'sandbox', 'a yes does not lead out either');
    },
    { cell: `${cell}, asked` },
  );
}

verifies(
  'exec.decide.escalate',
  () => {
    const status = 'prefix_rule(["git", "status"])';
    assert.equal(judge(status, facts(GIT, ['git', 'status', '-s'])).kind, 'escalate');
    assert.equal(
      judge(status, facts(GIT, ['git-push', 'status'])).kind,
      'run',
      'it would push to a remote of that name',
    );
    const loaders = `${ALLOW}\nprefix_rule(["ld-linux-x86-64.so.2"])`;
    assert.equal(judge(loaders, facts(LOADER, ['ld', '--preload', '/work/evil.so', '/usr/bin/date'])).kind, 'run');
    const asked = judge('prefix_rule(["date"], "prompt", justification = "why not")', facts('/usr/bin/date', ['date']));
    assert.deepEqual(asked.kind === 'ask' && [asked.runs, asked.reason, asked.proposal], ['outside', 'why not', null]);
    const suspended = decide(inForce(ALLOW, { suspendedBy: '/r/b.rules' }), facts('/usr/bin/date', ['date']), {
      noExecFromWritable: false,
    });
    assert.equal(suspended.kind, 'run');
  },
  { cell: 'loaders, questions and files that nobody could read' },
);

verifies(
  'exec.decide.escalate',
  () => {
    const listed = 'prefix_rule(["tool"])\nhost_executable("tool", ["/opt/tool"])';
    assert.equal(judge(listed, facts('/opt/tool', ['tool'])).kind, 'escalate');
    assert.equal(judge(listed, facts('/usr/bin/tool', ['tool'])).kind, 'run');
    const named = judge('prefix_rule(["/work/build"])', facts('/work/build', ['./build']), 'deny');
    assert.equal(named.kind, 'run', 'a path that a person wrote out runs inside');
    const deleted = facts('/usr/bin/date', ['date'], { kind: 'deleted' });
    assert.equal(judge('prefix_rule(["/usr/bin/date"])', deleted, 'deny').kind, 'deny', 'but not what lay there once');
    const unfinished = { ...facts('/usr/bin/date', ['date']), file: '/usr/bin/other' };
    assert.equal(judge(ALLOW, unfinished).kind, 'run', 'a chain that does not end in the file is not trusted');
  },
  { cell: 'host_executable and written paths' },
);

verifies('exec.decide.own-work', () => {
  const programs = [
    facts('/memfd:x', ['x'], { kind: 'memfd' }),
    facts('/usr/bin/x', ['x'], { kind: 'deleted' }),
    facts('/work/x', ['x']),
    facts('/usr/bin/x', ['x'], { interpreters: [{ path: '/work/sh', writable: true }] }),
    facts(LOADER, ['ld', './x']),
  ];
  for (const program of programs.slice(0, 4)) {
    const verdict = judge('', program);
    assert.ok(verdict.kind === 'run' && verdict.reason !== null, 'it runs inside, and is told apart');
  }
  for (const program of programs) {
    assert.equal(judge('', program, 'run', true).kind, 'deny');
    assert.equal(judge('prefix_rule(["x"])', program, 'run', true).kind, 'deny', 'no rule by name lets it run');
  }
  assert.equal(judge('', facts('/usr/bin/x', ['x'], { via: ['/work/x'] }), 'run', true).kind, 'run');
});

const DANGEROUS =
  'rm -f x|rm -rf x|rm -fr x|rm -r -f x|rm x -rf|rm --force x|git reset --hard|git rm a|git -C d -c a.b=c reset|git --git-dir=d rm a|sudo rm -rf x|sudo -u a rm -f x|sudo -E A=b git reset|doas rm -f x|sudo sudo rm -rf /';
const HARMLESS =
  'rm x|rm -r x|rm -- -f|rm -i x|git status|git -C reset status|git log rm|git|sudo ls|sudo|ls -rf|echo rm -rf x';

verifies('exec.decide.heuristics', () => {
  for (const command of DANGEROUS.split('|')) {
    const words = command.split(' ');
    const verdict = judge('', facts(`/usr/bin/${words[0]}`, words));
    assert.deepEqual(verdict.kind === 'ask' && [verdict.by, verdict.runs], ['heuristic', 'sandbox'], command);
    const busybox = judge('', facts(BUSYBOX, ['busybox', ...words]));
    assert.equal(busybox.kind, 'ask', `busybox ${command}`);
  }
  for (const command of HARMLESS.split('|')) {
    const words = command.split(' ');
    assert.equal(judge('', facts(`/usr/bin/${words[0]}`, words)).kind, 'run', command);
  }
  const allowed = 'prefix_rule(["rm", "-rf", "build"])';
  assert.equal(
    judge(allowed, facts('/usr/bin/rm', ['rm', '-rf', 'build'])).kind,
    'escalate',
    'a rule has spoken of it',
  );
  const planted = facts('/usr/bin/rm', ['date', '-rf', 'x'], { via: ['/work/date'] });
  assert.equal(judge(ALLOW, planted).kind, 'ask', 'an allowed name in front of it is no rule for it');
  assert.equal(judge('', facts(LOADER, ['ld', './link'])).kind, 'ask', 'a loader hides what its file is');
});

verifies(
  'exec.decide.heuristics',
  () => {
    const offered = (program: ExecFacts) => {
      const verdict = judge('', program, 'ask');
      return verdict.kind === 'ask' ? verdict.proposal : assert.fail(verdict.kind);
    };
    assert.deepEqual(offered(facts('/usr/bin/npm', ['/usr/bin/npm', 'test'])), ['npm', 'test']);
    assert.deepEqual(offered(facts('/usr/bin/rm', ['rm', '-rf', 'x'])), ['rm', '-rf', 'x']);
    for (const program of [
      facts('/usr/bin/bash', ['bash', '-c', 'x']),
      facts('/usr/bin/python3', ['python3', '-c', 'x']),
      facts('/work/x', ['x']),
      facts(BUSYBOX, ['busybox', 'x']),
      facts('/usr/bin/x', ['x', 'a\nb']),
    ])
      assert.equal(offered(program), null, program.file);
  },
  { cell: 'what may be made a rule' },
);

verifies('exec.decide.unmatched', () => {
  const program = facts('/usr/bin/make', ['make']);
  assert.deepEqual(judge('', program), { kind: 'run', by: 'default', rule: null, reason: null });
  const asked = judge('', program, 'ask');
  assert.deepEqual(asked.kind === 'ask' && [asked.by, asked.runs], ['default', 'sandbox']);
  const denied = judge('', program, 'deny');
  assert.equal(denied.kind === 'deny' && denied.by, 'default');
});

verifies('exec.environment.clean', () => {
  const bad =
    'LD_PRELOAD LD_LIBRARY_PATH BASH_ENV ENV PYTHONPATH PYTHONSTARTUP NODE_OPTIONS PERL5LIB PERL5OPT RUBYOPT GIT_SSH_COMMAND GIT_DIR IFS BASH_FUNC_ls%% SHELLOPTS TMPDIR EDITOR PAGER AWS_SECRET_ACCESS_KEY HTTP_PROXY'.split(
      ' ',
    );
  const base = { ...Object.fromEntries(bad.map((name) => [name, 'x'])), PATH: '/work/bin:/usr/bin', HOME: '/home/a' };
  const clean = environmentForEscalation({
    ...base,
    LANG: '/work/locale',
    LC_ALL: 'C.UTF-8',
    TZ: ':/work/tz',
    TERM: 'a\nb',
    USER: undefined,
  });
  assert.deepEqual(clean, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/home/a',
    LC_ALL: 'C.UTF-8',
  });
  assert.equal(environmentForEscalation({ TZ: 'Europe/Berlin' })['TZ'], 'Europe/Berlin');
});
