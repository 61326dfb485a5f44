/** What a command inside can do beside files: capabilities, namespaces, processes, network, terminal. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { verifies } from '../requirements/verifies.ts';
import { environmentOf, openBox, unavailable } from './harness.ts';

const skip = unavailable;

verifies(
  'sandbox.process.alone',
  () => {
    using box = openBox();
    const status = box.sh('grep -E "^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)" /proc/self/status').stdout;
    for (const line of status.trim().split('\n')) assert.match(line, /^(?:Cap\w+:\s+0+|NoNewPrivs:\s+1)$/);
    assert.match(box.sh('ls /proc | grep -c "^[0-9]"').stdout, /^[1-9]\n$/);
    assert.notEqual(box.sh('unshare -U true').code, 0);
    assert.notEqual(box.sh('unshare -m true').code, 0);
    assert.notEqual(box.sh('mount -t tmpfs none /tmp').code, 0);
    assert.notEqual(box.sh(`kill -0 ${process.pid}`).code, 0);
    assert.equal(box.sh('hostname').stdout, 'agentbox\n');
    assert.equal(box.sh('ipcs -q 2>/dev/null | grep -c 0x; true').stdout, '0\n');
  },
  { skip },
);

verifies(
  'sandbox.network.none',
  async () => {
    using box = openBox();
    const server = createServer((peer) => peer.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const connect = `node -e 'require("net").connect(${address.port},"127.0.0.1").on("error",()=>process.exit(3)).on("data",()=>process.exit(0))'`;
    assert.equal(box.sh(connect).code, 3);
    assert.equal(box.sh("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '").stdout, 'lo\n');
    assert.equal(box.sh('tail -n +2 /proc/net/route').stdout, '');
    await new Promise((resolve) => server.close(resolve));
  },
  { skip },
);

verifies(
  'sandbox.process.terminal',
  () => {
    using box = openBox();
    const launch = box.launch();
    assert.ok(launch.kind === 'launch' && launch.plan.bubblewrap !== null);
    const { program, args } = launch.plan.bubblewrap;
    const inside =
      'stty size; tty; ls /dev/pts | tr "\\n" " "; test -t 0 && echo is-a-terminal; echo typed > /dev/tty; ' +
      'node -e "console.log(process.stdout.isTTY)"';
    const line = [program, ...args, '--', 'bash', '-c', inside]
      .map((one) => `'${one.replaceAll("'", "'\\''")}'`)
      .join(' ');
    const ran = spawnSync('script', ['-qec', `stty rows 33 cols 77; ${line}`, '/dev/null'], {
      env: environmentOf(launch.plan.environment, { SHELL: '/bin/sh' }),
      encoding: 'utf8',
      input: '',
      timeout: 20_000,
    });
    const lines = ran.stdout.split('\r\n');
    assert.deepEqual(lines.slice(0, 5), ['33 77', '/dev/console', 'ptmx is-a-terminal', 'typed', 'true'], ran.stdout);
  },
  { skip: skip === false && spawnSync('script', ['--version']).status !== 0 ? 'needs script' : skip },
);

verifies('sandbox.environment', () => {
  using box = openBox();
  const none = box.launch();
  const rules = box.launch({ network: 'rules' });
  assert.ok(none.kind === 'launch' && rules.kind === 'launch');
  const env = none.plan.environment;
  for (const name of [
    'SSH_AUTH_SOCK',
    'DBUS_SESSION_BUS_ADDRESS',
    'XDG_RUNTIME_DIR',
    'DISPLAY',
    'KUBECONFIG',
    'HTTPS_PROXY',
    'all_proxy',
  ]) {
    assert.equal(env[name], null, name);
  }
  assert.equal(env['HOME'], box.realHome);
  assert.equal(env['TMPDIR'], '/tmp');
  assert.equal(none.plan.network, 'none');
  assert.equal(rules.plan.network, 'proxy');
  for (const name of ['http_proxy', 'HTTPS_PROXY', 'ALL_PROXY']) {
    assert.equal(rules.plan.environment[name], 'http://127.0.0.1:3128', name);
  }
  assert.equal(rules.plan.environment['NO_PROXY'], 'localhost,127.0.0.1,::1');
});
