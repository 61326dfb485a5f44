/** `agentbox connect`: the exact words for each client, and files that keep what others wrote. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { type Ran, run } from './product.ts';

const TOKEN = `abx_${'5'.repeat(64)}`;
const URL_LOCAL = 'http://127.0.0.1:7070/mcp';

/** A user with a home of agentbox that has a token; nothing runs. */
class User implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), 'agentbox-user-'));
  readonly #box = join(this.home, '.agentbox');

  constructor(config = '') {
    mkdirSync(this.#box, { mode: 0o700 });
    writeFileSync(join(this.#box, 'token'), `${TOKEN}\n`, { mode: 0o600 });
    writeFileSync(join(this.#box, 'config.toml'), config);
  }

  connect(...args: readonly string[]): Promise<Ran> {
    return run(['connect', ...args], { env: { HOME: this.home, AGENTBOX_HOME: this.#box }, cwd: this.home });
  }

  put(file: string, text: string): void {
    mkdirSync(dirname(join(this.home, file)), { recursive: true });
    writeFileSync(join(this.home, file), text);
  }

  read(file: string): string {
    return readFileSync(join(this.home, file), 'utf8');
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

const EXACT: Readonly<Record<string, readonly string[]>> = {
  claude: [
    `claude mcp add --transport http --scope user agentbox ${URL_LOCAL} --header "Authorization: Bearer ${TOKEN}"`,
  ],
  codex: [
    `[mcp_servers.agentbox]\nurl = "${URL_LOCAL}"\nbearer_token_env_var = "AGENTBOX_TOKEN"`,
    `export AGENTBOX_TOKEN=${TOKEN}`,
  ],
  cursor: [`"url": "${URL_LOCAL}"`, `"Authorization": "Bearer ${TOKEN}"`, '"mcpServers"'],
  vscode: ['"type": "http"', '"servers"', `"url": "${URL_LOCAL}"`],
  gemini: [`gemini mcp add --scope user -t http -H "Authorization: Bearer ${TOKEN}" agentbox ${URL_LOCAL}`],
  chatgpt: [URL_LOCAL, TOKEN, 'Developer mode'],
};

for (const [client, parts] of Object.entries(EXACT)) {
  verifies(
    'cli.connect.exact',
    async () => {
      using user = new User();
      const { code, stdout, stderr } = await user.connect(client);
      assert.equal(code, 0);
      for (const part of parts) assert.ok(stdout.includes(part), `${part}\nis in\n${stdout}`);
      assert.match(stderr, /agentbox up/, 'it says that nothing runs now');
    },
    { cell: client },
  );
}

verifies(
  'cli.connect.public-address',
  async () => {
    using user = new User('[server]\npublic_url = "https://box.example"');
    const { stdout } = await user.connect('chatgpt');
    assert.ok(stdout.includes('https://box.example/mcp'));
    assert.doesNotMatch(stdout, /agentbox expose/);
    assert.ok((await user.connect('claude')).stdout.includes(URL_LOCAL), 'a client on this machine stays on it');
  },
  { cell: 'known' },
);

verifies(
  'cli.connect.public-address',
  async () => {
    using user = new User();
    assert.match(
      (await user.connect('chatgpt')).stdout,
      /needs a public https address:\n {2}agentbox expose tailscale/,
    );
  },
  { cell: 'missing' },
);

interface FileCase {
  readonly file: string;
  readonly before: string;
  readonly keeps: readonly string[];
}

const FILES: Readonly<Record<string, FileCase>> = {
  claude: {
    file: '.claude.json',
    before: '{\n\t"theme": "dark",\n\t"mcpServers": { "other": { "command": "x" }, "agentbox": { "url": "old" } }\n}',
    keeps: ['"theme": "dark"', '"other"', '"command": "x"'],
  },
  codex: {
    file: '.codex/config.toml',
    before:
      '# mine\nmodel = "o" # why\n\n[mcp_servers.agentbox]\nurl = "old"\n[mcp_servers.agentbox.env]\nA = "1"\n\n[mcp_servers.other]\ncommand = "x"\n',
    keeps: ['# mine', 'model = "o" # why', '[mcp_servers.other]\ncommand = "x"'],
  },
  cursor: { file: '.cursor/mcp.json', before: '{"mcpServers":{"other":{"url":"u"}}}', keeps: ['"other"'] },
  vscode: {
    file: '.vscode/mcp.json',
    before: '{"inputs":[{"id":"mine","type":"promptString"}],"servers":{"other":{"url":"u"}}}',
    keeps: ['"mine"', '"other"'],
  },
  gemini: {
    file: '.gemini/settings.json',
    before: '{"ui":{"a":1},"mcpServers":{"other":{"url":"u"}}}',
    keeps: ['"ui"', '"other"'],
  },
};

for (const [client, { file, before, keeps }] of Object.entries(FILES)) {
  verifies(
    'cli.connect.write-keeps-others',
    async () => {
      using user = new User();
      user.put(file, before);
      const { code, stdout } = await user.connect(client, '--write');
      assert.equal(code, 0);
      const after = user.read(file);
      for (const kept of keeps) assert.ok(after.includes(kept), `${kept}\nis in\n${after}`);
      assert.ok(after.includes(URL_LOCAL) && !after.includes('old'), after);
      const backup = /before {2}(\S+)/.exec(stdout)?.[1] ?? '';
      assert.equal(readFileSync(backup, 'utf8'), before);
    },
    { cell: client },
  );

  verifies(
    'cli.connect.write-twice',
    async () => {
      using user = new User();
      await user.connect(client, '--write');
      const first = user.read(file);
      assert.equal(lstatSync(join(user.home, file)).mode & 0o777, 0o600, 'a new file is closed to others');
      const { stdout } = await user.connect(client, '--write');
      assert.match(stdout, /already there/);
      assert.equal(user.read(file), first);
      const beside = readdirSync(dirname(join(user.home, file))).filter((name) => name.includes('before-agentbox'));
      assert.deepEqual(beside, []);
    },
    { cell: client },
  );
}

verifies(
  'cli.connect.write-keeps-others',
  async () => {
    using user = new User();
    user.put('dotfiles/mcp.json', '{}');
    mkdirSync(join(user.home, '.cursor'));
    symlinkSync('../dotfiles/mcp.json', join(user.home, '.cursor', 'mcp.json'));
    await user.connect('cursor', '--write');
    assert.ok(lstatSync(join(user.home, '.cursor', 'mcp.json')).isSymbolicLink());
    assert.ok(user.read('dotfiles/mcp.json').includes(URL_LOCAL));
  },
  { cell: 'through a link' },
);

const UNREADABLE: readonly (readonly [cell: string, client: string, file: string, text: string])[] = [
  ['comments in JSON', 'cursor', '.cursor/mcp.json', '{\n  // mine\n  "mcpServers": {}\n}'],
  ['a list for a table', 'cursor', '.cursor/mcp.json', '{"mcpServers": []}'],
  ['broken TOML', 'codex', '.codex/config.toml', '[mcp_servers'],
  ['our entry inline', 'codex', '.codex/config.toml', 'mcp_servers = { agentbox = { url = "x" } }\n'],
];

for (const [cell, client, file, text] of UNREADABLE) {
  verifies(
    'cli.connect.write-refuses-unreadable',
    async () => {
      using user = new User();
      user.put(file, text);
      const { code, stderr } = await user.connect(client, '--write');
      assert.equal(code, 1);
      assert.match(stderr, /was left as it is, because .*Add the entry by hand/);
      assert.equal(user.read(file), text);
    },
    { cell },
  );
}

verifies('cli.connect.vscode-holds-no-token', async () => {
  using user = new User();
  await user.connect('vscode', '--write');
  const file = user.read('.vscode/mcp.json');
  assert.ok(!file.includes(TOKEN) && file.includes('${input:agentbox-token}'));
});

for (const { client, file } of [
  { client: 'claude', file: '.claude.json' },
  { client: 'gemini', file: join('.gemini', 'settings.json') },
]) {
  verifies(
    'cli.connect.keeps-token-private',
    async () => {
      using user = new User();
      const { stdout } = await user.connect(client);
      const shown = stdout.indexOf(`agentbox connect ${client} --write`);
      assert.ok(shown !== -1 && shown < stdout.indexOf(TOKEN), stdout);
      user.put(file, '{}');
      chmodSync(join(user.home, file), 0o644);
      for (const what of ['the first time', 'again']) {
        assert.equal((await user.connect(client, '--write')).code, 0);
        assert.ok(user.read(file).includes(TOKEN));
        assert.equal(lstatSync(join(user.home, file)).mode & 0o777, 0o600, what);
        chmodSync(join(user.home, file), 0o644);
      }
    },
    { cell: client },
  );
}
