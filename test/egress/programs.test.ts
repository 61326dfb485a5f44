/** Programs as they are installed, by their usual proxy settings, and a sandbox's own network namespace. */
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { verifies } from '../requirements/verifies.ts';
import { listening, openOrigin, openProxy } from './rig.ts';

interface Ran {
  readonly code: number;
  readonly output: string;
}

async function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const inherited = { PATH: process.env['PATH'] ?? '', HOME: tmpdir() };
  return new Promise((resolve) => {
    const options = { env: { ...inherited, ...env }, timeout: 30_000 };
    execFile(program, args, options, (fault, stdout, stderr) => {
      const code = fault === null ? 0 : typeof fault.code === 'number' ? fault.code : -1;
      resolve({ code, output: stdout + stderr });
    });
  });
}

const proxied = (port: number): Readonly<Record<string, string>> => {
  const url = `http://127.0.0.1:${port}`;
  return { http_proxy: url, https_proxy: url, HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: '', no_proxy: '' };
};

const lacks = (program: string): false | string =>
  spawnSync(program, ['--version']).error === undefined ? false : `${program} is not installed`;
const hello: RequestListener = (request, response) => void response.end(`hello ${request.headers.host}`);

verifies(
  'egress.clients',
  async () => {
    await using origin = await openOrigin(hello);
    await using proxy = await openProxy();
    const url = `http://a.test:${origin.port}/`;
    const env = proxied(proxy.port);
    assert.match((await run('curl', ['-sS', url], env)).output, /^hello a\.test/);
    assert.match((await run('curl', ['-sS', '--proxytunnel', url], env)).output, /^hello a\.test/);
    const socks = (form: string): readonly string[] => ['-sS', '--proxy', `${form}://127.0.0.1:${proxy.port}`, url];
    assert.match((await run('curl', socks('socks5h'))).output, /^hello a\.test/);
    const refused = await run('curl', ['-sS', 'http://b.example/'], env);
    assert.match(refused.output, /Egress denied: .*rule needed: network_rule\(host="b\.example"/);
    const tunnel = await run('curl', ['-sSv', 'https://b.example/'], env);
    assert.notEqual(tunnel.code, 0);
    assert.match(tunnel.output, /X-Agentbox-Denied: .*rule needed: network_rule\(host="b\.example", protocol="https"/);
  },
  { cell: 'curl', skip: lacks('curl') },
);

verifies(
  'egress.clients',
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'agentbox-egress-'));
    const [key, cert] = [join(home, 'key'), join(home, 'cert')];
    const made = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=a.test',
    ];
    const { code, output } = await run('openssl', [...made, '-keyout', key, '-out', cert]);
    assert.equal(code, 0, output);
    const server = createTlsServer({ key: await readFile(key), cert: await readFile(cert) }, hello);
    const port = await listening(server);
    await using proxy = await openProxy();
    const env = proxied(proxy.port);
    assert.match((await run('curl', ['-ksS', `https://a.test:${port}/`], env)).output, /^hello a\.test/);
    const fronted = ['-ksS', '--connect-to', `b.example:443:a.test:${port}`, 'https://b.example/'];
    const fronting = await run('curl', fronted, env);
    assert.notEqual(fronting.code, 0);
    assert.match(fronting.output, /access denied/);
    assert.equal(proxy.entries.at(-1)?.decision, 'refuse');
    server.close();
    await once(server, 'close');
    await rm(home, { recursive: true });
  },
  { cell: 'curl over TLS, and domain fronting', skip: lacks('curl') || lacks('openssl') },
);

verifies(
  'egress.clients',
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'agentbox-egress-'));
    const git = async (...args: string[]): Promise<Ran> => run('git', ['-C', home, ...args]);
    await git('init', '-q', '--initial-branch=main');
    const author = ['-c', 'user.name=a', '-c', 'user.email=a@a.test'];
    await git(...author, 'commit', '-q', '--allow-empty', '-m', 'one');
    await git('update-server-info');
    await using origin = await openOrigin((request, response) => {
      const path = join(home, '.git', new URL(request.url ?? '/', 'http://x').pathname);
      void readFile(path).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await using proxy = await openProxy();
    const env = { ...proxied(proxy.port), GIT_TERMINAL_PROMPT: '0' };
    const listed = await run('git', ['ls-remote', `http://a.test:${origin.port}/`], env);
    assert.match(listed.output, /^[0-9a-f]{40}\s+(?:HEAD|refs\/heads\/main)/);
    await rm(home, { recursive: true });
  },
  { cell: 'git ls-remote', skip: lacks('git') },
);

verifies(
  'egress.clients',
  async () => {
    await using origin = await openOrigin((_request, response) => void response.end('{}'));
    await using proxy = await openProxy();
    const registry = `http://a.test:${origin.port}/`;
    const cache = await mkdtemp(join(tmpdir(), 'agentbox-egress-'));
    const ping = ['ping', '--registry', registry, '--cache', cache, '--no-update-notifier', '--fetch-retries=0'];
    const { code, output } = await run('npm', ping, proxied(proxy.port));
    assert.equal(code, 0, output);
    assert.ok(proxy.asked.length > 0);
    await rm(cache, { recursive: true });
  },
  { cell: 'npm ping', skip: lacks('npm') },
);

const FETCH = 'const r = await fetch(process.argv[1]); console.log(r.status, await r.text())';
const URLLIB = 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())';

for (const [cell, program, args] of [
  ['python urllib', '/usr/bin/python3', ['-c', URLLIB]],
  ['node fetch', process.execPath, ['--input-type=module', '-e', FETCH]],
] as const) {
  verifies(
    'egress.clients',
    async () => {
      await using origin = await openOrigin(hello);
      await using proxy = await openProxy();
      const env = { ...proxied(proxy.port), NODE_USE_ENV_PROXY: '1' };
      assert.match((await run(program, [...args, `http://a.test:${origin.port}/`], env)).output, /hello a\.test/);
      assert.deepEqual(
        proxy.asked.map(({ host }) => host),
        ['a.test'],
      );
    },
    { cell, skip: lacks(program) },
  );
}

const FIXTURES = join(import.meta.dirname, '../fixtures/egress');
const PYTHON = '/usr/bin/python3';
const noNamespaces =
  spawnSync(PYTHON, [join(FIXTURES, 'listens-in-namespace.py'), '/bin/true']).status !== 0
    ? 'needs python3 and user namespaces'
    : false;

verifies(
  'egress.namespace',
  async () => {
    await using origin = await openOrigin(hello);
    const program = [process.execPath, join(FIXTURES, 'serves-a-descriptor.ts')];
    const served = spawn(PYTHON, [join(FIXTURES, 'listens-in-namespace.py'), ...program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(served, 'exit');
    const lines = createInterface({ input: served.stdout })[Symbol.asyncIterator]();
    const holder = String((await lines.next()).value);
    const inside = async (...args: string[]): Promise<Ran> =>
      run('nsenter', ['--preserve-credentials', '--user', '--net', '--target', holder, ...args]);
    const url = `http://a.test:${origin.port}/`;
    for (const form of ['http', 'socks5h'])
      assert.match((await inside('curl', '-sS', '--proxy', `${form}://127.0.0.1:3128`, url)).output, /^hello/);
    assert.match(
      (await inside('curl', '-sS', '--proxy', 'http://127.0.0.1:3128', 'http://b.example/')).output,
      /Egress denied/,
    );
    const direct = async (to: string): Promise<number> =>
      (await inside('curl', '-sS', '--noproxy', '*', '-m', '3', to)).code;
    assert.equal(await direct(`http://127.0.0.1:${origin.port}/`), 7, 'loopback inside is another loopback');
    assert.equal(await direct('http://192.0.2.1/'), 7, 'no route');
    assert.equal(await direct('http://a.example/'), 6, 'no DNS');
    served.stdin.end();
    assert.deepEqual((await exited)[0], 0);
    // Who is killed may wait to be collected by a first process that is not ours.
    const state = await readFile(`/proc/${holder}/stat`, 'utf8').catch(() => ') gone');
    assert.match(state, /\) (?:gone|Z|X)/);
  },
  { skip: noNamespaces || lacks('curl') },
);
