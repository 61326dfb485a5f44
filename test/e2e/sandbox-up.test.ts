/** What `up` refuses before anything starts: a machine that cannot hold the profile, and places that no sandbox is given. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { AGENTBOX, processesWith, type Ran, ROOT, runProgram } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { TestClient } from './client.ts';
import { blockedPath, lackOf, NO_SANDBOX, SandboxedHome, WITHOUT } from './sandboxed.ts';

function upOn(way: readonly string[], home: SandboxedHome, env = home.environment()): Promise<Ran> {
  const [program = '', ...args] = way;
  return runProgram(program, [...args, AGENTBOX, 'up', '--port', '0'], {
    env: { ...env, AGENTBOX_HOME: home.at('home') },
  });
}

function isRefused(ran: Ran, home: SandboxedHome, ...says: readonly RegExp[]): void {
  assert.equal(ran.code, 1, ran.stderr);
  for (const text of says) assert.match(ran.stderr, text);
  assert.deepEqual(processesWith(home.root), [], 'nothing was started');
}

verifies(
  'cli.up.missing-primitive',
  async () => {
    await using home = new SandboxedHome();
    const ran = await upOn(WITHOUT.bubblewrap, home);
    isRefused(
      ran,
      home,
      /^MISSING_FEATURE {2}the profile `workspace` cannot be held/,
      /bubblewrap \(bwrap\) is not installed\n +apt-get install bubblewrap/,
      /--profile host/,
    );
  },
  { cell: 'no bubblewrap', skip: lackOf(WITHOUT.bubblewrap) },
);

verifies(
  'cli.up.missing-primitive',
  async () => {
    await using home = new SandboxedHome();
    const ran = await upOn(WITHOUT.namespaces, home);
    isRefused(
      ran,
      home,
      /^MISSING_FEATURE/,
      /user namespaces do not work/,
      /sysctl -w user\.max_user_namespaces=15000/,
    );
  },
  { cell: 'no user namespaces', skip: NO_SANDBOX || lackOf(WITHOUT.namespaces) },
);

verifies(
  'cli.up.missing-primitive',
  async () => {
    await using home = new SandboxedHome();
    const ran = await home.run(['up', '--port', '0'], { PATH: blockedPath(home) });
    isRefused(ran, home, /^MISSING_FEATURE/, /user namespaces do not work for this user \(bwrap: No permissions\)/);
  },
  { cell: 'a bubblewrap that may make no namespace' },
);

verifies(
  'cli.up.missing-primitive',
  async () => {
    await using home = new SandboxedHome();
    const ran = await upOn(WITHOUT.warden, home);
    isRefused(ran, home, /^MISSING_FEATURE/, /the warden, .*warden is not the warden of this version/);
  },
  { cell: 'another warden', skip: NO_SANDBOX || lackOf(WITHOUT.warden) },
);

verifies(
  'cli.up.missing-primitive',
  async () => {
    await using home = new SandboxedHome();
    const input = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n';
    const env = { ...home.environment({ PATH: blockedPath(home) }), AGENTBOX_HOME: home.at('home') };
    const ran = await runProgram(AGENTBOX, ['stdio'], { env, input });
    assert.equal(ran.stdout, '');
    isRefused(ran, home, /^MISSING_FEATURE/);
  },
  { cell: 'on standard input' },
);

verifies('cli.up.landlock-only', async () => {
  await using home = new SandboxedHome();
  home.write('home/config.toml', '[sandbox]\nallow_landlock_only = true');
  home.write('beside/file', 'not yours');
  const up = await home.up({ PATH: blockedPath(home) });
  await using client = await TestClient.connect(up.ready);
  const output = async (cmd: string): Promise<string> =>
    (await client.call('exec_command', { cmd, login: false })).output ?? '';
  assert.equal(await output('echo here > file && cat file'), 'here\n');
  assert.match(
    await output(`cat ${home.at('beside', 'file')}; cat ${home.at('home', 'token')}`),
    /(Permission denied[^]*){2}/,
  );
  const logs = await home.run(['logs', '--kind', 'setting.weaker']);
  assert.match(logs.stdout, /sandbox\.allow_landlock_only/);
});

/** `ROOT` is the test's directory, `HOME` the one that holds agentbox's own. */
const PLACES: Readonly<Record<string, { readonly toml: string; readonly says: RegExp }>> = {
  'the whole machine': { toml: '[box]\nworkspace = "/"', says: /box\.workspace: \/ is the whole machine/ },
  'the home of the user': {
    toml: `[box]\nworkspace = "${userInfo().homedir}"`,
    says: /box\.workspace: \/\S* (holds the home directory|is not a directory|is the whole machine)/,
  },
  'what HOME says': { toml: '[box]\nworkspace = "PERSON"', says: /box\.workspace: \S+ holds the home directory/ },
  'above the home': {
    toml: '[box]\nworkspace = "ROOT"',
    says: /box\.workspace: \S+ (holds the home directory|and \S+\/home, where agentbox keeps)/,
  },
  "agentbox's home": {
    toml: '[box]\nworkspace = "ROOT/home"',
    says: /box\.workspace: \S+\/home and \S+\/home, where agentbox keeps/,
  },
  "inside agentbox's home": {
    toml: '[box]\nworkspace = "ROOT/home/inside"',
    says: /box\.workspace: .* where agentbox keeps its rules and keys/,
  },
  'where agentbox is installed': {
    toml: `[box]\nworkspace = "${join(ROOT, 'test')}"`,
    says: /box\.workspace: \S+ (and \S+, where agentbox itself is installed|belongs to user 0)/,
  },
  'of the system': {
    toml: '[box]\nworkspace = "/etc"',
    says: /box\.workspace: \/etc lies in \/etc, which belongs to the system/,
  },
  'of every user': { toml: '[box]\nworkspace = "/tmp"', says: /box\.workspace: \/tmp / },
  missing: {
    toml: '[box]\nworkspace = "ROOT/nowhere"',
    says: /box\.workspace: \S+nowhere is not a directory\. Make it/,
  },
  'a file': { toml: '[box]\nworkspace = "ROOT/file"', says: /box\.workspace: \S+file is not a directory/ },
  'a link to the system': {
    toml: '[box]\nworkspace = "ROOT/to-etc"',
    says: /box\.workspace: \S+to-etc \(a link to \/etc\) lies in \/etc/,
  },
  'a link to the whole machine': {
    toml: '[box]\nworkspace = "ROOT/to-root"',
    says: /box\.workspace: \S+to-root \(a link to \/\) is the whole machine/,
  },
  "a link to agentbox's home": {
    toml: '[box]\nworkspace = "ROOT/to-home"',
    says: /box\.workspace: \S+to-home \(a link to \S+\/home\) and /,
  },
  'a writable place of the system': {
    toml: '[sandbox]\nwritable = ["/usr/lib"]',
    says: /sandbox\.writable: \/usr\/lib lies in \/usr/,
  },
  'a readable whole machine': {
    toml: '[sandbox]\nreadable = ["/"]',
    says: /sandbox\.readable: \/ is the whole machine/,
  },
  'a readable place that is missing': {
    toml: '[sandbox]\nreadable = ["ROOT/nowhere"]',
    says: /sandbox\.readable: \S+nowhere does not exist/,
  },
  'a start where no command could run': {
    toml: '[exec]\ndefault_workdir = "/srv"',
    says: /exec\.default_workdir: \/srv is not visible inside the sandbox/,
  },
  'a read-only whole machine': {
    toml: '[box]\nprofile = "read-only"\nworkspace = "/"',
    says: /box\.workspace: \/ is the whole machine/,
  },
};

for (const [cell, { toml, says }] of Object.entries(PLACES)) {
  verifies(
    'cli.up.forbidden-place',
    async () => {
      await using home = new SandboxedHome();
      for (const name of ['home/inside', 'person']) mkdirSync(home.at(name), { mode: 0o700 });
      home.write('file', '');
      for (const [name, to] of [
        ['to-etc', '/etc'],
        ['to-root', '/'],
        ['to-home', home.at('home')],
      ] as const)
        symlinkSync(to, home.at(name));
      home.write('home/config.toml', toml.replaceAll('PERSON', home.at('person')));
      const named = toml.startsWith('[box]');
      const ran = await home.run(['up', '--port', '0'], {
        HOME: home.at('person'),
        ...(named ? { AGENTBOX_BOX_WORKSPACE: undefined } : {}),
        ...(/profile/.test(toml) ? { AGENTBOX_BOX_PROFILE: undefined } : {}),
      });
      isRefused(ran, home, /^CONFIG_INVALID/, says, /Fix: |Make it/);
    },
    { cell },
  );
}

verifies(
  'cli.up.default-workspace',
  async () => {
    await using home = new SandboxedHome();
    mkdirSync(home.at('person', 'agentbox'), { recursive: true });
    const up = await home.up({ HOME: home.at('person'), AGENTBOX_BOX_WORKSPACE: undefined });
    await using client = await TestClient.connect(up.ready);
    const answer = await client.call('exec_command', { cmd: 'pwd && echo x > new && cat new', login: false });
    assert.equal(answer.output, `${home.at('person', 'agentbox-workspace')}\nx\n`);
    assert.equal(statSync(home.at('person', 'agentbox-workspace')).mode & 0o777, 0o700);
  },
  { skip: NO_SANDBOX },
);

verifies(
  'cli.up.linked-place',
  async () => {
    await using home = new SandboxedHome();
    symlinkSync(home.at('work'), home.at('to-work'));
    const up = await home.up({}, '--workspace', home.at('to-work'));
    await using client = await TestClient.connect(up.ready);
    const answer = await client.call('exec_command', { cmd: 'pwd && echo x > new && cat new', login: false });
    assert.equal(answer.output, `${home.at('work')}\nx\n`);
  },
  { skip: NO_SANDBOX },
);

verifies(
  'cli.up.home-hidden',
  async () => {
    await using home = new SandboxedHome();
    home.write('open/file', 'shown');
    home.write('home/config.toml', `[sandbox]\nreadable = ["${home.root}"]`);
    const up = await home.up();
    await using client = await TestClient.connect(up.ready);
    const look = `cd ${home.root} && cat open/file && echo && ls -A home; cat home/token home/agentbox.db; grep -rl abx_ . ; true`;
    const { output } = await client.call('exec_command', { cmd: look, login: false });
    assert.match(output ?? '', /^shown\n/);
    assert.doesNotMatch(output ?? '', /abx_|config\.toml|SQLite|home\/token\n/);
  },
  { skip: NO_SANDBOX },
);

verifies(
  'cli.up.host-said-once',
  async () => {
    await using home = new SandboxedHome();
    const up = await home.up({ AGENTBOX_BOX_PROFILE: 'host' });
    const logs = await home.run(['logs', '--kind', 'setting.weaker']);
    assert.match(logs.stdout, /setting\.weaker {2}box\.profile: commands run as you, without a sandbox/);
    assert.equal((await up.end('SIGTERM')).code, 0);
    const shown = spawnSync('timeout', ['-s', 'TERM', '5', AGENTBOX, 'up', '--port', '0'], {
      env: { ...process.env, ...home.environment({ AGENTBOX_BOX_PROFILE: 'host' }), AGENTBOX_HOME: home.at('home') },
      encoding: 'utf8',
    });
    assert.equal(shown.stdout.match(/without a sandbox/g)?.length, 1, shown.stdout);
    assert.doesNotMatch(shown.stdout, /Weaker/);
  },
  { cell: 'up' },
);

verifies(
  'cli.up.host-said-once',
  async () => {
    await using home = new SandboxedHome();
    const env = { ...home.environment({ AGENTBOX_BOX_PROFILE: 'host' }), AGENTBOX_HOME: home.at('home') };
    await runProgram(AGENTBOX, ['stdio'], { env, input: '' });
    const logs = await home.run(['logs', '--kind', 'setting.weaker']);
    assert.match(logs.stdout, /setting\.weaker {2}box\.profile: commands run as you, without a sandbox/);
  },
  { cell: 'stdio' },
);
