/** What a command inside sees of the machine's files, and what it can change. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { CANARY, openBox, put, SECRET_FILES, unavailable } from './harness.ts';

const skip = unavailable;
const isRoot = process.getuid?.() === 0;

/** `$P` is a file that holds the canary outside. */
const WAYS_TO_READ: readonly (readonly [string, string])[] = [
  ['by its name', 'cat "$P"'],
  ['through /proc/self/root', 'cat "/proc/self/root$P"'],
  ['through /proc/1/root', 'cat "/proc/1/root$P"'],
  ['through /proc/1/cwd', 'cat "/proc/1/cwd/../../..$P"'],
  ['through a planted link', 'ln -s "$P" "$PWD/planted" && cat "$PWD/planted"'],
  ['through a hard link', 'ln "$P" "$PWD/hard" && cat "$PWD/hard"'],
  ['through /oldroot', 'cat "/oldroot$P" "/newroot$P"'],
];

for (const [cell, script] of WAYS_TO_READ) {
  verifies(
    'sandbox.files.secrets',
    () => {
      using box = openBox();
      for (const name of SECRET_FILES) {
        const ran = box.sh(script, { environment: { P: path.join(box.realHome, name) } });
        assert.doesNotMatch(ran.stdout, new RegExp(CANARY), `${name}: ${ran.stderr}`);
        assert.notEqual(ran.code, 0, name);
      }
    },
    { cell, skip },
  );
}

verifies(
  'sandbox.files.secrets',
  () => {
    using box = openBox();
    const outside = path.join(box.base, 'elsewhere');
    put(path.join(outside, 'data'), CANARY);
    put(path.join(box.base, 'tmp-file'), CANARY);
    const places = `/etc /home /root /tmp /var /srv /mnt /run /dev/shm ${box.realHome}`;
    const searched = box.sh(`grep -rs ${CANARY} ${places}; true`);
    assert.equal(searched.stdout, '');
    for (const name of ['/run', '/sys/firmware', '/boot', '/srv', '/mnt', '/home', '/var/log', '/var/spool', outside]) {
      assert.equal(box.sh(`ls -A ${name}`).stdout, '', name);
    }
  },
  { cell: 'searched for everywhere', skip },
);

verifies(
  'sandbox.files.secrets',
  () => {
    using box = openBox();
    const ran = box.sh('cat /proc/[0-9]*/environ | tr "\\0" "\\n"; env', { environment: {} });
    assert.doesNotMatch(ran.stdout, /AGENTBOX_CANARY_VARIABLE/);
  },
  { cell: 'variables of processes outside', skip },
);

verifies(
  'sandbox.files.secrets',
  async () => {
    using box = openBox();
    const socket = path.join(box.base, 'agent.sock');
    const heard: string[] = [];
    const server = createServer((peer) => {
      heard.push('connected');
      peer.end();
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const script = `node -e 'require("net").connect(process.argv[1]).on("error",()=>process.exit(3)).on("connect",()=>process.exit(0))' ${socket}`;
    assert.equal(box.sh(script).code, 3);
    for (const known of ['/run/docker.sock', '/var/run/docker.sock', '/run/dbus/system_bus_socket']) {
      assert.notEqual(box.sh(`test -e ${known}`).code, 0, known);
    }
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(heard, []);
  },
  { cell: 'sockets of the host', skip },
);

/** `$P` is a directory of the host that no command may write. */
const WAYS_TO_WRITE: readonly (readonly [string, string])[] = [
  ['by its name', 'echo x > "$P/new"'],
  ['through /proc/self/root', 'echo x > "/proc/self/root$P/new"'],
  ['through a planted link', 'ln -s "$P" "$PWD/planted"; echo x > "$PWD/planted/new"'],
  ['as a directory made there', 'mkdir "$P/new"'],
  ['after a remount', 'mount -o remount,rw,bind "$P"; mount -o remount,rw /; echo x > "$P/new"'],
  ['in a namespace of its own', 'unshare -Urm sh -c \'mount -o remount,rw,bind /usr; echo x > "$P/new"\''],
  ['by a rename', 'echo x > "$PWD/x"; mv "$PWD/x" "$P/new"'],
];

for (const [cell, script] of WAYS_TO_WRITE) {
  verifies(
    'sandbox.files.unwritable',
    () => {
      using box = openBox();
      const shown = path.join(box.base, 'shown');
      mkdirSync(shown);
      for (const place of ['/usr/share', '/usr/local/bin', '/etc', '/opt', '/var', '/', shown, box.realHome]) {
        if (!existsSync(place)) continue;
        const before = readdirSync(place);
        box.sh(script, { environment: { P: place }, profile: { readable: [shown] } });
        assert.deepEqual(readdirSync(place), before, place);
      }
    },
    { cell, skip },
  );
}

verifies(
  'sandbox.files.unwritable',
  () => {
    using box = openBox();
    const mine = path.join(box.workspace, 'mine');
    put(mine, 'before');
    assert.equal(
      box.sh('echo x > mine', { profile: { name: 'read-only', readable: [box.workspace], writable: [] } }).code === 0,
      false,
    );
    assert.equal(readFileSync(mine, 'utf8'), 'before');
    assert.equal(box.sh('echo after > mine').code, 0);
    assert.equal(readFileSync(mine, 'utf8'), 'after\n');
  },
  { cell: 'a read-only profile reads the workspace', skip },
);

const SETTINGS = [
  '/proc/sys/kernel/core_pattern',
  '/proc/sys/kernel/hostname',
  '/proc/sys/vm/overcommit_memory',
  '/proc/sysrq-trigger',
];

verifies(
  'sandbox.files.kernel',
  () => {
    using box = openBox();
    for (const setting of SETTINGS.filter((one) => existsSync(one))) {
      // Only opened: a test must not set what it says cannot be set.
      const ran = box.sh(`exec 3>>${setting}`);
      assert.notEqual(ran.code, 0, setting);
    }
    assert.notEqual(box.sh('head -c 1 /proc/kcore').code, 0);
    assert.notEqual(box.sh('test -e /sys/kernel').code, 0);
    assert.notEqual(box.sh('test -e /sys/fs/cgroup').code, 0);
  },
  { skip },
);

verifies(
  'sandbox.files.etc',
  () => {
    using box = openBox();
    for (const name of ['shadow', 'gshadow', 'sudoers', 'ssl/private', 'polkit-1/rules.d']) {
      const ran = box.sh(`cat /etc/${name}; ls -A /etc/${name}/`);
      assert.equal(ran.stdout, '', name);
    }
    const script =
      'find /etc -type f -size +0 ! -perm -o=r | while read f; do head -c 1 "$f" 2>/dev/null && echo " $f"; done';
    assert.equal(box.sh(script).stdout, '');
    assert.equal(box.sh('cat /etc/passwd').stdout, readFileSync('/etc/passwd', 'utf8'));
  },
  { skip },
);

verifies(
  'sandbox.files.private',
  () => {
    using box = openBox();
    const expected = [box.base, process.execPath].flatMap((one) => /^\/tmp\/([^/]+)/.exec(one)?.[1] ?? []);
    assert.deepEqual(box.sh('ls -A /tmp').stdout.split('\n').filter(Boolean).toSorted(), expected.toSorted());
    assert.equal(box.sh('echo kept > ~/a; echo kept > /tmp/b; echo $HOME').stdout, `${box.realHome}\n`);
    assert.equal(box.sh('cat ~/a /tmp/b /var/tmp/b').stdout, 'kept\nkept\nkept\n');
    assert.equal(existsSync(path.join(box.realHome, 'a')), false);
    assert.equal(box.sh('echo x > /dev/shm/x && cat /dev/shm/x; echo y | tee /dev/null').stdout, 'x\ny\n');
    assert.equal(box.sh('pwd', { cwd: '/tmp' }).stdout, '/tmp\n');
  },
  { skip },
);

verifies(
  'sandbox.files.tools',
  () => {
    using box = openBox();
    put(path.join(box.realHome, '.local/bin/mytool'), '#!/bin/sh\necho it works\n');
    chmodSync(path.join(box.realHome, '.local/bin/mytool'), 0o755);
    put(path.join(box.realHome, '.gitconfig'), '[user]\n  name = Somebody\n');
    put(path.join(box.realHome, '.bashrc'), 'export GITHUB_TOKEN=canary\n');
    assert.equal(box.sh('~/.local/bin/mytool; git config --global user.name').stdout, 'it works\nSomebody\n');
    assert.equal(box.sh('cat ~/.bashrc').stdout, '');
    put(path.join(box.realHome, '.profile'), 'umask 022\n');
    assert.equal(box.sh('cat ~/.profile').stdout, 'umask 022\n');
    put(path.join(box.realHome, '.profile'), 'export API_KEY=canary\n');
    assert.equal(box.sh('cat ~/.profile').stdout, '');
    assert.equal(box.sh('node --version').stdout.trim(), process.version);
    assert.notEqual(box.sh('echo x > ~/.local/bin/mytool').code, 0);
  },
  { skip },
);

verifies(
  'sandbox.files.nested',
  () => {
    using box = openBox();
    const at = (name: string): string => path.join(box.workspace, name);
    for (const name of ['lib/deep/file', 'secret/inner/file', '.env']) put(at(name), CANARY);
    const profile = {
      readable: [at('lib')],
      writable: [box.workspace, at('lib/deep'), at('secret/inner')],
      hidden: [at('secret'), at('.env')],
    };
    const run = (script: string) => box.sh(script, { profile });
    assert.equal(run('cat lib/deep/file').stdout, CANARY);
    assert.notEqual(run('echo x > lib/file').code, 0);
    assert.equal(run('echo x > lib/deep/more && echo x > top').code, 0);
    assert.equal(run('ls -A secret; cat secret/inner/file .env').stdout, '');
  },
  { skip },
);

verifies(
  'sandbox.files.secrets',
  () => {
    using box = openBox();
    const target = path.join(box.base, 'elsewhere');
    put(path.join(target, 'file'), CANARY);
    symlinkSync(target, path.join(box.workspace, 'out'));
    linkSync(path.join(target, 'file'), path.join(box.base, 'same'));
    const ran = box.sh('cat out/file; echo x > out/file');
    assert.doesNotMatch(ran.stdout, new RegExp(CANARY));
    assert.equal(readFileSync(path.join(target, 'file'), 'utf8'), CANARY);
    assert.equal(statSync(target).isDirectory(), true);
  },
  { cell: 'a link out of the workspace', skip },
);

verifies(
  'sandbox.files.unwritable',
  () => {
    using box = openBox();
    const root = isRoot ? '0' : String(process.getuid?.());
    assert.equal(box.sh('id -u').stdout.trim(), root);
    const ran = box.sh('chown 1:1 "$PWD/x" 2>/dev/null; touch x; chown 12345 x; mknod node b 7 0; mknod c c 1 5; ls');
    assert.equal(ran.stdout, 'x\n');
  },
  { cell: 'device nodes and other owners', skip },
);
