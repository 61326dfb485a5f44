/** The lists of a plan, applied by the kernel: inside the namespaces, and alone where there are none. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { type Box, CANARY, environmentOf, openBox, put, type Result, SECRET_FILES, unavailable } from './harness.ts';
import { noLandlock, underLandlock as under } from './landlock-run.ts';

verifies(
  'sandbox.landlock.agrees',
  () => {
    using box = openBox();
    const run = (script: string): Result => box.sh(script, { prefix: ({ plan }) => under(plan.landlock) });
    const works =
      'ls / /usr /tmp ~ > /dev/null && echo a > file && mkdir d && mv file d/ && rm -r d && echo b > ~/b && echo c > /tmp/c && ' +
      'echo e > /dev/null && echo s > /dev/shm/s && head -c 1 /dev/urandom > /dev/null && cat /proc/self/status > /dev/null && ' +
      "git init -q r && node -e \"require('fs').writeFileSync('n', '1')\" && ls -l /proc/self/fd > /dev/null";
    const ran = run(works);
    assert.equal(ran.code, 0, ran.stderr);
    for (const refused of [
      '/dev/new',
      '/new',
      '/run/new',
      '/usr/new',
      '/etc/new',
      '/var/new',
      '/proc/sys/kernel/hostname',
    ]) {
      assert.notEqual(run(`exec 3>>${refused}`).code, 0, refused);
    }
  },
  { skip: unavailable === false ? noLandlock : unavailable },
);

/** Without namespaces: the same program on the host, with the lists of the plan. */
function alone(box: Box, script: string, profile = {}): Result {
  const launch = box.launch(profile, box.workspace, true);
  assert.ok(launch.kind === 'launch');
  assert.equal(launch.plan.bubblewrap, null);
  assert.equal(launch.plan.network, 'none');
  const argv = [...under(launch.plan.landlock), 'sh', '-c', script];
  const env = environmentOf(launch.plan.environment, {});
  const ran = spawnSync('env', argv, { env, cwd: launch.cwd, encoding: 'utf8', timeout: 30_000 });
  return { code: ran.status ?? 128, stdout: ran.stdout, stderr: ran.stderr };
}

verifies(
  'sandbox.landlock.alone',
  () => {
    using box = openBox();
    for (const name of SECRET_FILES) {
      const ran = alone(box, `cat "${path.join(box.realHome, name)}"`);
      assert.equal(ran.stdout, '', name);
    }
    for (const name of ['/etc/shadow', '/etc/gshadow', '/etc/ssl/private']) {
      assert.equal(alone(box, `cat ${name}; ls ${name}/`).stdout, '', name);
    }
    put(path.join(box.workspace, '.env'), CANARY);
    put(path.join(box.workspace, 'src/file'), 'open');
    const hidden = { hidden: [path.join(box.workspace, '.env')] };
    assert.equal(alone(box, 'cat .env src/file', hidden).stdout, 'open');
    const outside = readdirSync(box.base);
    assert.notEqual(alone(box, `echo x > "${box.base}/new"`).code, 0);
    assert.notEqual(alone(box, 'echo x > /dev/shm/agentbox-test').code, 0);
    assert.deepEqual(readdirSync(box.base), outside);
  },
  { cell: 'shut', skip: noLandlock },
);

verifies(
  'sandbox.landlock.alone',
  () => {
    using box = openBox();
    const script =
      'echo a > file && mkdir d && mv file d/ && cat /etc/passwd > /dev/null && echo b > "$HOME/b" && echo c > "$TMPDIR/c" && id -un && git --version';
    const ran = alone(box, script);
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(readdirSync(path.join(box.base, 'private/home')), ['b']);
    assert.deepEqual(readdirSync(path.join(box.base, 'private/tmp')), ['c']);
  },
  { cell: 'open', skip: noLandlock },
);
