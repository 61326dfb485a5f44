/** What each setting of the sandbox and of its rules does to a command: one cell each. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type Ready, until } from '../cli/product.ts';
import { type Answer, TestClient } from './client.ts';
import { BOUNDS_PROCESSES, BOUNDS_TOGETHER, type SandboxedHome } from './sandboxed.ts';

const MIB = 1024 * 1024;

export interface Cell {
  /** of config.toml; `ROOT` is the directory of the test */
  readonly toml: string;
  /** files of the test's directory, by name */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly skip?: string | false;
  readonly check: (ready: Ready, home: SandboxedHome) => Promise<void>;
}

async function answers(ready: Ready, ...cmds: readonly string[]): Promise<readonly Answer[]> {
  await using client = await TestClient.connect(ready);
  const all: Answer[] = [];
  for (const cmd of cmds) all.push(await client.call('exec_command', { cmd, login: false }));
  return all;
}

/** Runs each command and compares the end of what it prints. */
async function prints(ready: Ready, expected: Readonly<Record<string, RegExp>>): Promise<void> {
  const found = await answers(ready, ...Object.keys(expected));
  for (const [at, [cmd, pattern]] of Object.entries(expected).entries())
    assert.match(found[at]?.output ?? '', pattern, `${cmd}: ${found[at]?.text}`);
}

const PROMPT = 'prefix_rule(pattern = ["id"], decision = "prompt", justification = "ask me")\n';
const FORBIDS_ID = 'prefix_rule(pattern = ["id"], decision = "forbidden", justification = "of the project")\n';

/** What becomes of a program that asks, where the client shows dialogs and its person says yes. */
async function askedInClient({ url, token }: Ready): Promise<{ readonly dialogs: number; readonly text: string }> {
  const client = new Client({ name: 'e2e', version: '1' }, { capabilities: { elicitation: { form: {} } } });
  let dialogs = 0;
  client.setRequestHandler('elicitation/create', () => {
    dialogs += 1;
    return { action: 'accept' as const, content: { decision: 'once' } };
  });
  const headers = { Authorization: `Bearer ${token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  try {
    const result = await client.callTool({ name: 'exec_command', arguments: { cmd: 'id', login: false } });
    return { dialogs, text: JSON.stringify(result.content) };
  } finally {
    await client.close();
  }
}

/** One request through the proxy that the environment names; without one the answer is `no proxy`. */
const throughProxy = (url: string): string =>
  `p="\${http_proxy#http://}"; p="\${p%/}"; [ -n "$p" ] || { echo no proxy; exit; }; ` +
  `exec 3<>"/dev/tcp/\${p%:*}/\${p##*:}" && printf 'GET ${url} HTTP/1.1\\r\\nHost: ${new URL(url).host}\\r\\nConnection: close\\r\\n\\r\\n' >&3 && cat <&3`;

const LOOPBACK = 'network_rule(host = "127.0.0.1:PORT", protocol = "http", decision = "allow")\n';

export const SANDBOX_CELLS: Readonly<Record<string, Cell>> = {
  'box.profile': {
    toml: '[box]\nprofile = "read-only"',
    env: { AGENTBOX_BOX_PROFILE: undefined },
    files: { 'work/file': 'read\n' },
    check: async (ready, home) => {
      await prints(ready, { 'cat file': /^read\n$/, 'echo x > new || echo refused': /refused\n$/ });
      assert.ok(!existsSync(home.at('work', 'new')));
    },
  },
  'box.workspace': {
    toml: '[box]\nworkspace = "ROOT/work"',
    env: { AGENTBOX_BOX_WORKSPACE: undefined },
    files: { 'beside/file': 'not yours' },
    check: async (ready, home) => {
      await prints(ready, {
        pwd: /\/work\n$/,
        'echo x > new && cat new': /^x\n$/,
        'cat ../beside/file': /No such file/,
      });
      assert.equal(readFileSync(home.at('work', 'new'), 'utf8'), 'x\n');
    },
  },
  'sandbox.readable': {
    toml: '[sandbox]\nreadable = ["ROOT/lib"]',
    files: { 'lib/file': 'shown\n' },
    check: async (ready, home) => {
      const lib = home.at('lib');
      await prints(ready, { [`cat ${lib}/file`]: /^shown\n$/, [`echo x > ${lib}/new || echo refused`]: /refused\n$/ });
    },
  },
  'sandbox.writable': {
    toml: '[sandbox]\nwritable = ["ROOT/out"]',
    files: { 'out/file': '' },
    check: async (ready, home) => {
      await prints(ready, { [`echo written > ${home.at('out', 'file')} && echo done`]: /^done\n$/ });
      assert.equal(readFileSync(home.at('out', 'file'), 'utf8'), 'written\n');
    },
  },
  'sandbox.hidden': {
    toml: '[sandbox]\nhidden = ["ROOT/work/secret", "ROOT/work/keys"]',
    files: { 'work/secret': 'not-for-commands', 'work/keys/one': 'nor-this', 'work/open': 'open' },
    check: (ready) => prints(ready, { 'cat open secret keys/* 2>/dev/null; echo': /^open\n$/ }),
  },
  'sandbox.network': {
    toml: '[sandbox]\nnetwork = "rules"',
    check: async (ready, home) => {
      const server = createServer((_request, response) => response.end('of the fixture'));
      await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
      try {
        const address = server.address();
        assert.ok(address !== null && typeof address === 'object');
        const url = `http://127.0.0.1:${address.port}/`;
        await prints(ready, { [throughProxy(url)]: /^HTTP\/1\.1 403[^]*network_rule/ });
        home.write('home/rules/net.rules', LOOPBACK.replace('PORT', String(address.port)));
        await until('the rule is in force', async () =>
          /of the fixture/.test((await answers(ready, throughProxy(url)))[0]?.output ?? ''),
        );
        await prints(ready, { [`exec 3<>/dev/tcp/127.0.0.1/${address.port} || echo shut`]: /shut\n$/ });
      } finally {
        server.close();
      }
    },
  },
  'sandbox.no_exec_from_writable': {
    toml: '[sandbox]\nno_exec_from_writable = true',
    check: (ready) =>
      prints(ready, { 'cp /bin/echo mine && ./mine ran; echo "code $?"': /Execution denied[^]*code 1/ }),
  },
  'sandbox.limits.memory_bytes': BOUNDS_TOGETHER
    ? {
        toml: `[sandbox.limits]\nmemory_bytes = ${64 * MIB}`,
        check: (ready) =>
          prints(ready, {
            'dd if=/dev/zero of=/dev/null bs=16M count=1 && echo fits': /fits\n$/,
            'dd if=/dev/zero of=/dev/null bs=256M count=1 && echo fits; true': /^(?![^]*fits)/,
          }),
      }
    : {
        toml: `[sandbox.limits]\nmemory_bytes = ${5 * 1024 * MIB}`,
        check: (ready) => prints(ready, { 'ulimit -v': /^5242880\n$/ }),
      },
  'sandbox.limits.processes': {
    toml: '[sandbox.limits]\nprocesses = 16',
    skip: !BOUNDS_PROCESSES && 'needs a control group: the kernel bounds no processes of root otherwise',
    check: (ready) =>
      prints(ready, { "dash -c 'for i in $(seq 30); do sleep 5 & done; echo all'; true": /Cannot fork/ }),
  },
  'sandbox.limits.open_files': {
    toml: '[sandbox.limits]\nopen_files = 64',
    check: (ready) => prints(ready, { 'ulimit -n; ulimit -Hn': /^64\n64\n$/ }),
  },
  'sandbox.limits.file_bytes': {
    toml: `[sandbox.limits]\nfile_bytes = ${MIB}`,
    check: async (ready, home) => {
      await answers(ready, 'head -c 3000000 /dev/zero > big; true');
      assert.equal(statSync(home.at('work', 'big')).size, MIB);
    },
  },
  'sandbox.limits.cpu_seconds': {
    toml: '[sandbox.limits]\ncpu_seconds = 1',
    check: (ready) => prints(ready, { 'dash -c \'while :; do :; done\'; echo "code $?"': /code (137|152)\n$/ }),
  },
  'policy.unmatched': {
    toml: '[policy]\nunmatched = "deny"',
    check: (ready) => prints(ready, { 'echo hello': /^Execution denied: [^]*$/ }),
  },
  'policy.unmatched = "ask"': {
    toml: '[policy]\nunmatched = "ask"',
    check: async (ready) => {
      const [answer] = await answers(ready, 'echo hello');
      assert.ok(answer?.running === true && /Waiting for a person/.test(answer.text), answer?.text);
    },
  },
  'policy.trusted_projects': {
    toml: '[policy]\ntrusted_projects = ["ROOT/work"]',
    files: { 'work/.agentbox/rules/x.rules': FORBIDS_ID },
    check: (ready) => prints(ready, { 'id; true': /Execution denied: of the project/ }),
  },
  'policy.question_ms': {
    toml: '[policy]\nquestion_ms = 1000',
    files: { 'home/rules/x.rules': PROMPT },
    check: async (ready) => {
      await using client = await TestClient.connect(ready);
      const asked = await client.call('exec_command', { cmd: 'id', login: false });
      assert.match(asked.text, /Waiting for a person/);
      const refused = await until('the time is over', async () => {
        const answer = await client.call('write_stdin', { session_id: asked.session_id, chars: '' });
        return answer.running === false && answer;
      });
      assert.equal(refused.exit_code, 1);
      assert.match(refused.output ?? '', /Execution denied: [^]*answered in time/);
    },
  },
  'approvals.client_may_answer': {
    toml: '[approvals]\nclient_may_answer = false',
    files: { 'home/rules/x.rules': PROMPT },
    check: async (ready) => {
      const { dialogs, text } = await askedInClient(ready);
      assert.equal(dialogs, 0, 'no dialog is shown that could not be answered');
      assert.match(text, /agentbox approvals allow/);
    },
  },
  'approvals.client_may_answer = true': {
    toml: '',
    files: { 'home/rules/x.rules': PROMPT },
    check: async (ready) => {
      const { dialogs, text } = await askedInClient(ready);
      assert.ok(dialogs === 1 && /uid=/.test(text), `${dialogs}: ${text}`);
    },
  },
  'approvals.self_approval': {
    toml: '[approvals]\nself_approval = true',
    // Who may answer what through which face: test/approvals/permission.test.ts.
    check: async (_ready, home) => {
      const logs = await home.run(['logs', '--kind', 'setting.weaker']);
      assert.match(logs.stdout, /approvals\.self_approval/);
    },
  },
};
