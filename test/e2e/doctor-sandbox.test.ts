/** What the doctor says of the sandbox: of this machine, of machines that lack something, and of the rules. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { AGENTBOX, runProgram } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { TestClient } from './client.ts';
import { blockedPath, lackOf, NO_SANDBOX, SandboxedHome, WITHOUT } from './sandboxed.ts';

const findingsShape = z.array(
  z.object({
    section: z.enum(['machine', 'sandbox', 'agentbox']),
    name: z.string(),
    verdict: z.enum(['ok', 'warn', 'fail']),
    text: z.string(),
    fix: z.string().nullable(),
    details: z.record(z.string(), z.array(z.string())).optional(),
  }),
);
type Findings = z.output<typeof findingsShape>;

const readFindings = (stdout: string): Findings => findingsShape.parse(JSON.parse(stdout));

const named = (findings: Findings, name: string): Findings[number] =>
  findings.find((finding) => finding.name === name) ?? assert.fail(`no line ${name}`);

const doctor = async (home: SandboxedHome, env: Readonly<Record<string, string>> = {}, ...args: readonly string[]) => {
  const ran = await home.run(['doctor', '--json', ...args], { AGENTBOX_SERVER_PORT: '0', ...env });
  return { code: ran.code, findings: readFindings(ran.stdout) };
};

verifies(
  'cli.doctor.sandbox',
  async () => {
    await using home = new SandboxedHome();
    const { code, findings } = await doctor(home);
    assert.equal(code, 0);
    const sandbox = findings.filter(({ section }) => section === 'sandbox');
    const lines = [
      'Namespaces',
      'Landlock',
      'Seccomp',
      'Control groups',
      'Warden',
      'Profile',
      'Workspace',
      'Rules',
      'Git',
    ];
    assert.deepEqual(
      sandbox.map(({ name }) => name),
      lines,
    );
    assert.match(named(findings, 'Namespaces').text, /bubblewrap \d+\.\d+\.\d+ \(\/\S+bwrap\)/);
    assert.match(named(findings, 'Landlock').text, /ABI [1-9]/);
    const { text, details = {} } = named(findings, 'Profile');
    assert.ok(text.includes(home.at('work')));
    assert.match(details['enforced']?.join('\n') ?? '', /^files: [^]*^processes: [^]*^network: /m);
    assert.match(details['not enforced']?.join('\n') ?? '', /disk space/);
    assert.match(details['settings']?.join('\n') ?? '', /no network\n4\.0 GiB of memory, 512 processes/);
  },
  { cell: 'a machine that holds it', skip: NO_SANDBOX },
);

verifies(
  'cli.doctor.sandbox',
  async () => {
    await using home = new SandboxedHome();
    const { verdict, text, details = {} } = named((await doctor(home)).findings, 'Warden');
    assert.equal(verdict, 'ok');
    const path = /\((\/.*)\)$/.exec(text)?.[1] ?? '';
    assert.deepEqual(details['sha-256'], [createHash('sha256').update(readFileSync(path)).digest('hex')]);
  },
  { cell: 'the warden and its bytes' },
);

verifies(
  'cli.doctor.sandbox',
  async () => {
    await using home = new SandboxedHome();
    const [program, ...args] = WITHOUT.bubblewrap;
    const env = home.environment({ AGENTBOX_HOME: home.at('home'), AGENTBOX_SERVER_PORT: '0' });
    const ran = await runProgram(program, [...args, AGENTBOX, 'doctor', '--json'], { env });
    assert.equal(ran.code, 1);
    const { verdict, text, fix } = named(readFindings(ran.stdout), 'Namespaces');
    assert.deepEqual([verdict, text], ['fail', 'bubblewrap (bwrap) is not installed']);
    assert.match(fix ?? '', /^apt-get install bubblewrap/);
    assert.match(named(readFindings(ran.stdout), 'Profile').text, /cannot be held here: agentbox up refuses/);
  },
  { cell: 'no bubblewrap', skip: lackOf(WITHOUT.bubblewrap) },
);

verifies(
  'cli.doctor.sandbox',
  async () => {
    await using home = new SandboxedHome();
    home.write('home/config.toml', '[sandbox]\nallow_landlock_only = true');
    const { code, findings } = await doctor(home, { PATH: blockedPath(home) });
    assert.equal(code, 0, 'what the operator accepted is no failure');
    assert.equal(named(findings, 'Namespaces').verdict, 'warn');
    const { verdict, text, details = {} } = named(findings, 'Profile');
    assert.equal(verdict, 'warn');
    assert.match(text, /by Landlock alone/);
    assert.match(details['not enforced']?.join('\n') ?? '', /no process namespace/);
  },
  { cell: 'Landlock alone' },
);

verifies(
  'cli.doctor.sandbox',
  async () => {
    await using home = new SandboxedHome();
    const { code, findings } = await doctor(home, { AGENTBOX_BOX_WORKSPACE: '/etc' });
    assert.equal(code, 1);
    const { verdict, text, fix } = named(findings, 'Workspace');
    assert.equal(verdict, 'fail');
    assert.match(`${text}; ${fix}`, /box\.workspace: \/etc lies in \/etc.*; use a directory of its own/);
  },
  { cell: 'a workspace that up refuses' },
);

verifies('cli.doctor.host', async () => {
  await using home = new SandboxedHome();
  const { code, findings } = await doctor(home, { PATH: blockedPath(home) }, '--profile', 'host');
  assert.equal(code, 0);
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict === 'fail'),
    [],
  );
  const { verdict, text } = named(findings, 'Profile');
  assert.equal(verdict, 'warn');
  assert.match(text, /^host: commands run as \S+ on \S+, with every file and the network of \S+; no rule is asked$/);
});

verifies(
  'cli.doctor.git',
  async () => {
    await using home = new SandboxedHome();
    assert.equal(named((await doctor(home)).findings, 'Git').verdict, 'ok');
    const runs = '[core]\n\tfsmonitor = "touch /tmp/x; false"\n';
    home.write('work/.git/config', runs);
    home.write('work/made/.git/config', runs);
    home.write('work/a/b/hooked/.git/hooks/pre-commit', 'true');
    home.write('work/a/b/hooked/.git/hooks/pre-push.sample', 'true');
    home.write('work/plain/.git/config', '[core]\n\tbare = false\n[alias]\n\tst = status\n');
    for (const name of ['HEAD', 'objects/x', 'refs/x']) home.write(`work/look-alike/${name}`, 'ref: refs/heads/main\n');
    home.write('work/look-alike/config', '[include]\n\tpath = ../inc\n');
    home.write('work/inc', '[filter "x"]\n\tclean = evil\n');
    const { verdict, text, fix, details = {} } = named((await doctor(home)).findings, 'Git');
    assert.equal(verdict, 'warn');
    assert.match(text, /^3 settings or hooks/);
    assert.deepEqual(details['found']?.toSorted(), [
      `${home.at('work/a/b/hooked/.git/hooks/pre-commit')}: hook`,
      `${home.at('work/inc')}: filter.x.clean`,
      `${home.at('work/made/.git/config')}: core.fsmonitor`,
    ]);
    assert.match(fix ?? '', /git config --global safe\.bareRepository explicit/);
  },
  { skip: NO_SANDBOX },
);

const forbids = (word: string): string =>
  `prefix_rule(pattern = ["${word}"], decision = "forbidden", justification = "by ${word}")\n`;

verifies(
  'cli.doctor.rules',
  async () => {
    await using home = new SandboxedHome();
    const files = {
      'codex/rules/a.rules': forbids('id'),
      'home/rules/b.rules': forbids('ls') + forbids('wc'),
      'work/.codex/rules/c.rules': forbids('env'),
      'work/.agentbox/rules/d.rules': forbids('date'),
    };
    for (const [name, text] of Object.entries(files)) home.write(name, text);
    home.write('home/config.toml', '[policy]\ntrusted_projects = ["ROOT/work"]');
    const { findings } = await doctor(home);
    const { text, details = {} } = named(findings, 'Rules');
    assert.match(text, /^5 rules in 4 files/);
    for (const name of Object.keys(files))
      assert.ok(
        details['read']?.some((line) => line.startsWith(home.at(name))),
        name,
      );
    // The box reads the very same: each file refuses its program.
    const up = await home.up();
    await using client = await TestClient.connect(up.ready);
    for (const word of ['id', 'ls', 'wc', 'env', 'date']) {
      const { output = '' } = await client.call('exec_command', { cmd: `${word}; true`, login: false });
      assert.match(output, new RegExp(`Execution denied: by ${word}`));
    }
  },
  { cell: 'the ones that the box reads', skip: NO_SANDBOX },
);

verifies(
  'cli.doctor.rules',
  async () => {
    await using home = new SandboxedHome();
    home.write('home/rules/broken.rules', `${forbids('id')}\nprefix_rule(pattern = [], decision = "maybe")\n`);
    home.write('work/.agentbox/rules/untrusted.rules', forbids('ls'));
    const { code, findings } = await doctor(home);
    assert.equal(code, 1);
    const broken = findings.find(({ name, verdict }) => name === 'Rules' && verdict === 'fail');
    assert.match(broken?.text ?? '', /broken\.rules:3:\d+: /);
    assert.ok((broken?.fix ?? '').length > 0);
    assert.ok(!JSON.stringify(findings).includes('untrusted.rules'), 'a project that is not trusted is not read');
  },
  { cell: 'a broken file' },
);
