/** The client of the daemon: what it does when the daemon goes away, comes back, or is asked for twice. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';

import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { connectBox, startBoxDaemon } from '@agentbox/boxd-client';
import { type BoxEvent, newSessionId, OPERATOR } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { isAlive, MAIN, refusal, spawnRequest, startTestBox, until } from './harness.ts';

const NOW = { collect: { waitMs: 0 } };
const ENTRY = [process.execPath, MAIN] as const;

verifies('box.client.in-flight', async () => {
  await using t = await startTestBox();
  const { session } = await t.run('sleep 60', NOW);
  const pending = [
    refusal(t.collect(session, { waitMs: 60_000 })),
    refusal(t.box.kill(OPERATOR, session, 'CONT', 60_000)),
  ];
  await sleep(100);
  process.kill(t.pid, 'SIGKILL');
  for (const one of await Promise.all(pending)) assert.equal(one.code, 'BOX_UNAVAILABLE');
  const start = performance.now();
  assert.equal((await refusal(t.box.list(null))).code, 'BOX_UNAVAILABLE');
  assert.ok(performance.now() - start < 10_000);
});

verifies('box.client.reconnect', async () => {
  await using t = await startTestBox();
  process.kill(t.pid, 'SIGKILL');
  await until(() => !isAlive(t.pid), 'the daemon is dead');
  const session = newSessionId();
  const spawned = t.box.spawn(spawnRequest('echo after', { session }));
  await startBoxDaemon({ home: t.home, entry: ENTRY });
  await spawned;
  assert.equal((await t.collect(session)).text, 'after\n');
  const closed = await connectBox({ home: t.home });
  await closed.close();
  assert.equal((await refusal(closed.facts())).code, 'BOX_UNAVAILABLE');
});

verifies('box.client.watch', async () => {
  await using t = await startTestBox();
  const events: BoxEvent[] = [];
  const watch = await t.box.watch(0, (event) => void events.push(event));
  const { session } = await t.run('echo one; sleep 0.2; echo two');
  const lastState = () => events.findLast((event) => event.kind === 'state' && event.session === session);
  await until(() => {
    const event = lastState();
    return event?.kind === 'state' && event.state.kind === 'exited';
  }, 'the end is heard');
  assert.ok(events.some((event) => event.kind === 'output' && event.written === 8));
  const sequences = events.map(({ sequence }) => sequence);
  assert.deepEqual(
    sequences,
    sequences.toSorted((a, b) => a - b),
  );
  watch.close();
  const seen = sequences.at(-1) ?? 0;
  const quiet = await t.run('true');
  const resumed: Extract<BoxEvent, { session: unknown }>[] = [];
  const again = await t.box.watch(seen, (event) => {
    if ('session' in event) resumed.push(event);
  });
  await until(() => resumed.some((event) => event.session === quiet.session), 'what was missed is told');
  assert.ok(resumed.every((event) => event.session === quiet.session));
  process.kill(t.pid, 'SIGKILL');
  await until(() => !isAlive(t.pid), 'the daemon is dead');
  await startBoxDaemon({ home: t.home, entry: ENTRY });
  const next = await t.run('echo three');
  await until(() => resumed.some((event) => event.session === next.session), 'the watch goes on');
  again.close();
});

verifies('box.client.daemon', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'agentbox-box-'));
  const script = `
    import { startBoxDaemon } from '@agentbox/boxd-client';
    const { pid } = await startBoxDaemon({ home: ${JSON.stringify(home)}, entry: ${JSON.stringify(ENTRY)} });
    process.stdout.write(String(pid));
  `;
  const starter = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    encoding: 'utf8',
    cwd: path.dirname(new URL(import.meta.url).pathname),
    timeout: 30_000,
    env: { ...process.env, SERVER_TOKEN: 'hunter2' },
  });
  assert.equal(starter.status, 0, starter.stderr);
  await using t = await startTestBox({ home });
  assert.equal(String(t.pid), starter.stdout);
  assert.doesNotMatch(readFileSync(`/proc/${t.pid}/environ`, 'utf8'), /hunter2/);
  assert.equal((await t.run('echo here')).text, 'here\n');
  const broken = await refusal(startBoxDaemon({ home: `${home}/none`, entry: [process.execPath, '/nonexistent.js'] }));
  assert.equal(broken.code, 'BOX_UNAVAILABLE');
  await t.box.shutdown();
  rmSync(home, { recursive: true });
});
