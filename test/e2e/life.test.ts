/** The life of the two processes: either may be stopped or killed, and nothing is lost without a word. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Home, isAlive, processesWith, until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { TestClient } from './client.ts';

/** Prints numbered lines, as fast as a reader can check that none is missing. */
const COUNT =
  'i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo "line $i"; [ $((i % 100)) = 0 ] && sleep 0.05; done; echo whole';

verifies('cli.life.term-keeps-box', async () => {
  await using home = new Home();
  const up = await home.up();
  const client = await TestClient.connect(up.ready);
  const session = await client.start('sleep 600');
  await client[Symbol.asyncDispose]();
  const ended = await up.end('SIGTERM');
  assert.equal(ended.code, 0);
  assert.ok(isAlive(up.ready.boxd_pid), 'the box goes on');
  const again = await home.up();
  assert.equal(again.ready.boxd_pid, up.ready.boxd_pid);
  assert.equal(again.ready.token, up.ready.token, 'clients need no new token');
  await using second = await TestClient.connect(again.ready);
  assert.equal((await second.call('write_stdin', { session_id: session, yield_time_ms: 250 })).running, true);
});

verifies(
  'cli.life.interrupt-ends-idle-box',
  async () => {
    await using home = new Home();
    const up = await home.up();
    await up.end('SIGINT');
    await until('the box is gone', () => !isAlive(up.ready.boxd_pid));
  },
  { cell: 'nothing runs' },
);

verifies(
  'cli.life.interrupt-ends-idle-box',
  async () => {
    await using home = new Home();
    const up = await home.up();
    const client = await TestClient.connect(up.ready);
    await client.start('sleep 600');
    await client[Symbol.asyncDispose]();
    await up.end('SIGINT');
    assert.ok(isAlive(up.ready.boxd_pid), 'the box goes on, because a terminal runs in it');
  },
  { cell: 'a session runs' },
);

verifies('cli.life.server-kill-loses-nothing', async () => {
  await using home = new Home();
  const up = await home.up();
  const client = await TestClient.connect(up.ready);
  const session = await client.start(COUNT);
  await up.end('SIGKILL');
  await client[Symbol.asyncDispose]().catch(() => undefined);
  assert.ok(isAlive(up.ready.boxd_pid));
  const again = await home.up();
  await using second = await TestClient.connect(again.ready);
  const listed = await second.call('list_sessions', {});
  assert.ok(listed.text.includes(session), 'the session is found again');
  await until('the command has ended', async () => {
    const answer = await second.call('write_stdin', { session_id: session, yield_time_ms: 5000 });
    return answer.running === false;
  });
  const lines = await wholeOutput(second, session);
  assert.equal(lines.length, 4001);
  assert.ok(lines.slice(0, 4000).every((line, index) => line === `line ${index + 1}`));
  assert.equal(lines.at(-1), 'whole');
});

async function wholeOutput(client: TestClient, session: string): Promise<readonly string[]> {
  let text = '';
  for (let from = 0; ; ) {
    const answer = await client.call('read_output', { session_id: session, from, raw: true });
    text += answer.output ?? '';
    if (answer.more !== true) return text.trimEnd().split('\n');
    from = answer.next ?? from;
  }
}

verifies('cli.life.box-kill-is-said', async () => {
  await using home = new Home();
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  const marker = `600.${process.pid}`;
  const session = await client.start(`echo before the end; sleep ${marker} & setsid sleep ${marker} & wait`);
  await until('its children run', () => processesWith(`sleep\0${marker}`).length === 2);
  process.kill(up.ready.boxd_pid, 'SIGKILL');
  await until('no child survives', () => processesWith(`sleep\0${marker}`).length === 0);
  const answer = await until('the box answers again', async () => {
    const polled = await client.call('write_stdin', { session_id: session, yield_time_ms: 250 });
    return /lost/i.test(polled.text) ? polled : undefined;
  });
  assert.ok(answer.isError || answer.running === false);
  const read = await client.call('read_output', { session_id: session });
  assert.match(read.output ?? read.text, /before the end/);
});

verifies('cli.life.box-comes-back', async () => {
  await using home = new Home();
  const up = await home.up();
  await using client = await TestClient.connect(up.ready);
  const pids = [up.ready.boxd_pid];
  for (let kills = 0; kills < 3; kills += 1) {
    process.kill(pids.at(-1) ?? 0, 'SIGKILL');
    // Nobody asks for the box meanwhile: it must come back by itself.
    // By its address, at the first moment: the server may not have connected to it before it is killed as well.
    const pid = await until('another box is up', () => {
      const { pid: found } = boxAddress.parse(JSON.parse(readFileSync(join(home.path, 'run', 'boxd.json'), 'utf8')));
      return !pids.includes(found) && found;
    });
    pids.push(pid);
  }
  await until('a command runs again', async () => {
    const { output } = await client.call('exec_command', { cmd: 'echo back' });
    return output === 'back\n';
  });
  const logs = await home.run(['logs', '--kind', 'box']);
  const [started, lost] = ['box.started', 'box.lost'].map((kind) => logs.stdout.split(kind).length - 1);
  // One that was killed before it answered anybody never started.
  assert.ok(started !== undefined && started >= 2 && started <= 4, logs.stdout);
  assert.equal(lost, started - 1, logs.stdout);
});

const boxAddress = z.object({ pid: z.number() });

verifies('cli.life.down-ends-all', async () => {
  await using home = new Home();
  const up = await home.up();
  const client = await TestClient.connect(up.ready);
  const marker = `601.${process.pid}`;
  await client.start(`trap '' TERM; (trap '' TERM; sleep ${marker}) & wait`);
  await client[Symbol.asyncDispose]();
  const down = await home.run(['down']);
  assert.equal(down.code, 0);
  assert.ok(down.stdout.includes(String(up.ready.pid)) && down.stdout.includes(String(up.ready.boxd_pid)));
  assert.ok(!isAlive(up.ready.pid) && !isAlive(up.ready.boxd_pid));
  assert.deepEqual(processesWith(`sleep\0${marker}`), []);
  assert.equal((await up.end('SIGTERM').catch(() => ({ code: 0 }))).code, 0, 'the server ended in order');
});

verifies('cli.life.down-when-nothing-runs', async () => {
  await using home = new Home();
  const down = await home.run(['down']);
  assert.equal(down.code, 0);
  assert.equal(down.stdout, 'Nothing runs.\n');
});

verifies('cli.life.leaves-nothing', async () => {
  await using home = new Home();
  await home.up();
  await home.run(['down']);
  await until('no process names the home', () => processesWith(home.path).length === 0);
  const left = readdirSync(home.path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.sock'));
  assert.deepEqual(left, []);
  assert.ok(!existsSync(join(home.path, 'server.json')));
  const net = readFileSync('/proc/net/unix', 'utf8');
  assert.ok(!net.includes(home.path), 'no socket is bound below the home');
  const again = await home.up();
  assert.ok(isAlive(again.ready.pid), 'no lock is left');
});
