/** exec_command and write_stdin on real processes: what is printed, in which order, and what the answers say of it. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { isAlive, until } from '../box/harness.ts';
import { verifies } from '../requirements/verifies.ts';
import { type Answer, type Rig, startRig } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(async () => {
  assert.deepEqual(rig.faults, []);
  await rig[Symbol.asyncDispose]();
});

const list = (value: unknown): readonly Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
const background = (answer: Answer): readonly Record<string, unknown>[] => list(answer.structured['background']);

/** Runs `count` calls, a few at a time. */
async function repeat(count: number, body: () => Promise<void>): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await body();
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

verifies(
  'exec.session.no-lost-tail',
  async () => {
    await repeat(500, async () => {
      const { structured } = await rig.exec("sh -c 'echo A; echo B >&2; exit 3'");
      assert.equal(structured.output, 'A\nB\n');
      assert.equal(structured.exit_code, 3);
    });
  },
  { cell: 'two words and an exit code' },
);

verifies(
  'exec.session.no-lost-tail',
  async () => {
    await repeat(500, async () => {
      const { structured } = await rig.exec('head -c 100000 /dev/zero | tr "\\0" x; printf END', { format: 'codex' });
      assert.equal(structured['original_token_count'], Math.ceil(100_003 / 4));
      assert.ok(structured.output.endsWith('xEND'));
      assert.equal(structured.exit_code, 0);
    });
  },
  { cell: 'a burst of 100 KB' },
);

verifies(
  'exec.session.no-lost-tail',
  async () => {
    // More callers than processors: the terminal is drained late.
    const busy = await rig.exec('for i in 1 2 3 4 5 6; do while :; do :; done & done; wait', { yield_time_ms: 250 });
    await Promise.all(
      Array.from({ length: 3 }, () =>
        repeat(20, async () => {
          const { structured } = await rig.exec('head -c 100000 /dev/zero | tr "\\0" x; echo END', {
            tty: true,
            format: 'codex',
          });
          assert.equal(structured.exit_code, 0);
          assert.equal(structured['cursor'], 100_005);
          assert.ok(structured.output.endsWith('xEND\r\n'));
        }),
      ),
    );
    await rig.call('kill_session', { session_id: busy.structured.session_id, signal: 'KILL' });
  },
  { cell: 'a burst on a terminal of a busy machine' },
);

verifies('exec.output.order', async () => {
  const { structured } = await rig.exec('for i in $(seq 200); do echo o$i; echo e$i >&2; done');
  const expected = Array.from({ length: 200 }, (_, index) => `o${index + 1}\ne${index + 1}\n`).join('');
  assert.equal(structured.output, expected);
  const apart = await rig.exec('echo out; echo err >&2', { stderr: 'separate' });
  assert.equal(apart.structured.output, 'out\n');
  assert.equal(apart.structured['stderr'], 'err\n');
  assert.match(apart.text, /out\nStandard error:\nerr\n$/);
});

for (const format of ['text', 'codex']) {
  verifies(
    'exec.output.utf8',
    async () => {
      const first = await rig.exec("printf '\\xe2'; sleep 0.6; printf '\\x82\\xac done\\n'", {
        yield_time_ms: 250,
        format,
      });
      assert.equal(first.kind, 'running');
      assert.equal(first.structured.output, '');
      assert.equal(first.structured['cursor'], 0);
      const next = await rig.call('write_stdin', { session_id: first.structured.session_id });
      assert.equal(next.structured.output, '€ done\n');
      assert.equal(next.structured['binary'], false);
    },
    { cell: `split, format ${format}` },
  );
}

verifies(
  'exec.output.utf8',
  async () => {
    const bad = await rig.exec("printf '\\xff\\xfe ok \\xe2\\x82\\xac\\n'");
    assert.equal(bad.structured.output, '��� ok €\n'.slice(1));
    assert.equal(bad.structured['binary'], true);
    const cut = await rig.exec("printf 'a\\xe2\\x82'");
    assert.equal(cut.structured.output, 'a�');
    const raw = await rig.call('read_output', { session_id: bad.structured.session_id, raw: true });
    assert.equal(raw.structured['binary'], true);
  },
  { cell: 'bad bytes' },
);

verifies('exec.output.flood', async () => {
  const flood = rig.exec('yes | cat -n', { yield_time_ms: 2000, max_output_tokens: 200 });
  const started = performance.now();
  const other = await rig.exec('echo quick');
  assert.equal(other.structured.output, 'quick\n');
  assert.ok(performance.now() - started < 1500, 'another session answers meanwhile');
  const answer = await flood;
  assert.equal(answer.kind, 'running');
  assert.ok(Buffer.byteLength(answer.structured.output) <= 800 + 120, String(answer.structured.output.length));
  // The last line is the one that is being printed.
  const lines = answer.structured.output.split('\n').slice(0, -1);
  assert.ok(lines.length > 10);
  for (const line of lines) assert.match(line, /^ *\d+\ty$|bytes .* omitted/);
  await rig.call('kill_session', { session_id: answer.structured.session_id, signal: 'KILL' });
});

verifies(
  'exec.output.flood',
  async () => {
    const { structured, text } = await rig.exec('seq 1 200000', { max_output_tokens: 100 });
    const omitted = Object(structured['omitted']);
    const [head, tail] = structured.output.split(/\[\.\.\..*\.\.\.\]\n/);
    assert.equal(Number(omitted.from), head?.length);
    assert.equal((head?.length ?? 0) + Number(omitted.bytes) + (tail?.length ?? 0), 1_288_895);
    assert.match(text, /agentbox_read_output session_id=s_\w+ from=\d+ to=\d+/);
    const middle = await rig.call('read_output', {
      session_id: structured.session_id,
      from: omitted.from,
      to: omitted.from + 6,
    });
    assert.ok(middle.structured.output.startsWith(`${head?.split('\n').length}\n`), 'it goes on where the head ends');
    const line = await rig.call('read_output', {
      session_id: structured.session_id,
      from_line: 100_000,
      to_line: 100_001,
    });
    assert.equal(line.structured.output, '100000\n100001\n');
    const found = await rig.call('read_output', { session_id: structured.session_id, pattern: '^15432[12]$' });
    assert.deepEqual(
      list(found.structured['matches']).map(({ line }) => line),
      [154_321, 154_322],
    );
  },
  { cell: 'the middle is readable' },
);

verifies('exec.output.noise', async () => {
  const noisy = await rig.exec("printf '\\033[31mred\\033[0m\\n\\033]0;title\\007x\\nbs\\b\\bBS\\r\\n'");
  assert.equal(noisy.structured.output, 'red\nx\nBS\n');
  const bar = await rig.exec('for i in $(seq 100); do printf "\\r[%3d%%]" $i; done; echo');
  assert.equal(bar.structured.output, '[100%]\n');
  const raw = await rig.exec("printf '\\033[31mred\\033[0m\\n'", { raw: true });
  assert.equal(raw.structured.output, '\u001b[31mred\u001b[0m\n');
});

verifies(
  'exec.output.noise',
  async () => {
    const screen = '\\033[?1049h\\033[2J\\033[3;5Hmenu\\033[5;1H> ';
    const drawn = await rig.exec(`printf '${screen}'; read x; printf '\\033[?1049l'; echo left`, { tty: true });
    assert.equal(drawn.structured.output, '\n\n    menu\n\n>');
    assert.deepEqual(drawn.structured['screen'], { cols: 80, rows: 24, cursor_row: 5, cursor_col: 3 });
    const left = await rig.call('write_stdin', { session_id: drawn.structured.session_id, keys: ['enter'] });
    assert.equal(left.structured['screen'], undefined);
    assert.match(left.structured.output, /left\n$/);
    assert.doesNotMatch(left.structured.output, /menu|\u001b/);
  },
  { cell: 'a screen program' },
);

verifies(
  'exec.output.noise',
  async () => {
    const frame = (step: number): string => `\\033[H\\033[Jframe ${step}\\n\\033[4;3Hbelow\\033[5;1H`;
    const frames = `printf '${frame(1)}'; sleep 0.2; printf '${frame(2)}'; read x; printf '\\033[Hsame '; read x; echo gone`;
    const drawn = await rig.exec(frames, { tty: true });
    assert.equal(drawn.structured.output, 'frame 2\n\n\n  below');
    const changed = await rig.call('write_stdin', { session_id: drawn.structured.session_id, keys: ['enter'] });
    assert.equal(changed.structured.output, 'same  2\n\n\n  below', 'what did not change is shown too');
    const { session_id } = drawn.structured;
    const ended = await rig.call('write_stdin', { session_id, chars: '\n', yield_time_ms: 5000 });
    assert.equal(ended.structured['screen'], undefined);
    assert.match(ended.structured.output, /gone\n$/);
  },
  { cell: 'a program that draws without a screen of its own' },
);

verifies('exec.background.explicit', async () => {
  const server = `node -e "require('net').createServer().listen(0,'127.0.0.1')" >/dev/null 2>&1`;
  const answer = await rig.exec(`nohup ${server} & sleep 1; echo started`);
  assert.equal(answer.structured.exit_code, 0);
  assert.equal(answer.structured.output, 'started\n');
  const pid = background(answer)[0]?.['pid'];
  assert.ok(typeof pid === 'number', 'listed in the answer');
  assert.match(answer.text, /Still running in the background of s_\w+: pid \d+/);
  await until(async () => {
    const again = await rig.call('write_stdin', { session_id: answer.structured.session_id });
    return background(again).some(({ ports }) => Array.isArray(ports) && ports.length === 1);
  }, 'its port is known');
  const listed = await rig.call('list_sessions', {});
  const mine = list(listed.structured['sessions']).find((one) => one['session_id'] === answer.structured.session_id);
  assert.equal(list(mine?.['background']).length, 1);
  assert.ok(isAlive(pid));
  await rig.call('kill_session', { session_id: answer.structured.session_id });
  await until(() => !isAlive(pid), 'it can be killed');
});

verifies(
  'exec.background.explicit',
  async () => {
    const answer = await rig.exec('sleep 300 & echo $!', { on_exit: 'kill' });
    assert.deepEqual(background(answer), []);
    await until(() => !isAlive(Number(answer.structured.output)), 'nothing outlives the command');
  },
  { cell: 'on_exit kill' },
);

verifies('exec.background.pipe-held', async () => {
  const waits: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const started = performance.now();
    const held = await rig.exec('sleep 20 & echo done');
    waits.push(performance.now() - started);
    assert.equal(held.structured.output, 'done\n');
    assert.equal(held.structured.exit_code, 0);
    await rig.call('kill_session', { session_id: held.structured.session_id, signal: 'KILL' });
  }
  // The best of a few: a busy machine delays some.
  assert.ok(Math.min(...waits) < 300, `answered after ${waits.map(Math.round).join(', ')} ms`);
  for (let run = 0; run < 20; run += 1) {
    const teed = await rig.exec('exec > >(tee f) 2>&1; echo hi', { shell: 'bash' });
    assert.equal(teed.structured.output, 'hi\n', `run ${run}`);
    assert.equal(teed.structured.exit_code, 0);
  }
});

verifies(
  'exec.background.pipe-held',
  async () => {
    // More work than processors: every process waits for its turn.
    const busy = await rig.exec(`for i in 1 2 3 4 5 6; do while :; do :; done & done; wait`, { yield_time_ms: 250 });
    const started = performance.now();
    const teed = await rig.exec('exec > >(cat | cat | tee f) 2>&1; echo hi', { shell: 'bash' });
    assert.equal(teed.structured.output, 'hi\n');
    const spinning = await rig.exec('while :; do :; done & echo done');
    assert.equal(spinning.structured.output, 'done\n');
    assert.ok(performance.now() - started < 10_000, 'what is always busy is not waited for');
    for (const { structured } of [busy, spinning]) {
      await rig.call('kill_session', { session_id: structured.session_id, signal: 'KILL' });
    }
  },
  { cell: 'on a busy machine' },
);

verifies(
  'exec.background.explicit',
  async () => {
    for (const cmd of ['nohup sleep 301 >/dev/null 2>&1 &', 'sleep 302 &']) {
      const kept = await rig.exec(`${cmd} echo $!`, { tty: true });
      const pid = Number(kept.structured.output);
      assert.equal(kept.structured.exit_code, 0);
      assert.deepEqual(
        background(kept).map((one) => one['pid']),
        [pid],
        kept.text,
      );
      await rig.exec('sleep 0.2');
      assert.ok(isAlive(pid), 'the hangup of the terminal did not end it');
      await rig.call('kill_session', { session_id: kept.structured.session_id });
      assert.ok(!isAlive(pid));
    }
    const trap = "trap 'echo hung up' HUP; kill -HUP $$; sleep 0.1; echo end";
    const hangup = await rig.exec(trap, { tty: true, on_exit: 'kill' });
    assert.equal(hangup.structured.output, 'hung up\nend\n', 'with on_exit kill a hangup is what it always was');
  },
  { cell: 'kept on a terminal' },
);

verifies('exec.session.true-exit', async () => {
  // Everything closed: the terminal is gone for the daemon before the program has ended.
  await repeat(40, async () => {
    const closes = await rig.exec('exec <&- >&- 2>&-; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; exit 5', {
      tty: true,
    });
    assert.equal(closes.structured.exit_code, 5, closes.text);
  });
});

verifies('exec.command.odd', async () => {
  const empty = await rig.exec('');
  assert.equal(empty.structured.exit_code, 0);
  assert.match(empty.text, /Warning: cmd is empty/);
  const nul = await rig.exec('echo a\0b');
  assert.equal(nul.code, 'INVALID_ARGUMENTS');
  assert.match(nul.message, /"cmd" has a NUL byte at character 6/);
  const long = await rig.exec(`: ${'x'.repeat(1 << 20)}\necho big`);
  assert.equal(long.structured.output, 'big\n');
  const tooLong = await rig.exec('x'.repeat(5 << 20));
  assert.equal(tooLong.code, 'COMMAND_TOO_LARGE');
  const escapes = await rig.exec('\u0001'.repeat(3 << 20));
  assert.equal(escapes.code, 'COMMAND_TOO_LARGE');
  const env = await rig.exec('echo $GREETING', { env: { GREETING: 'hi there' } });
  assert.equal(env.structured.output, 'hi there\n');
  const wrongEnv = await rig.exec('true', { env: { 'A=B': 'x' } });
  assert.match(wrongEnv.message, /A=B/);
});

verifies('exec.where.workdir', async () => {
  const missing = await rig.exec('pwd', { workdir: `${rig.workdir}/no/such` });
  assert.equal(missing.code, 'WORKDIR_NOT_FOUND');
  assert.ok(
    missing.message.includes(`${rig.workdir}/no/such`) &&
      missing.message.includes(`nearest that does is ${rig.workdir}`),
  );
  const file = await rig.exec('pwd', { workdir: '/etc/passwd' });
  assert.equal(file.code, 'WORKDIR_NOT_FOUND');
  assert.match(file.message, /not a directory/);
  const relative = await rig.exec('mkdir -p sub; cd sub; pwd');
  assert.equal(relative.structured.output, `${rig.workdir}/sub\n`);
  const inside = await rig.exec('pwd', { workdir: 'sub' });
  assert.equal(inside.structured.output, `${rig.workdir}/sub\n`);
  assert.equal(inside.structured['cwd'], `${rig.workdir}/sub`);
  const standard = await rig.exec('pwd', { workdir: '' });
  assert.equal(standard.structured['cwd'], rig.workdir);
});

verifies('exec.where.shell', async () => {
  const unknown = await rig.exec('echo ran', { shell: '/bin/nosuchshell' });
  assert.equal(unknown.code, 'SHELL_NOT_FOUND');
  assert.match(unknown.message, /nosuchshell/);
  const posix = await rig.exec('echo $0', { shell: 'sh' });
  assert.match(posix.structured.output, /sh\n$/);
});

verifies('exec.session.recorded', async () => {
  const answer = await rig.exec('sleep 0.4; exit 7', { yield_time_ms: 250 });
  const record = async () =>
    (await rig.store.list(rig.context().principal.id, 50)).find(
      ({ session }) => session === answer.structured.session_id,
    );
  assert.equal((await record())?.closedAt, null);
  assert.equal((await record())?.command, 'sleep 0.4; exit 7');
  await rig.call('write_stdin', { session_id: answer.structured.session_id });
  await until(async () => (await record())?.exitCode === 7, 'its end is recorded');
  const refused = await rig.exec('true', { workdir: '/no/such/directory' });
  assert.equal(refused.kind, 'failed');
  await until(
    async () => (await rig.store.list(rig.context().principal.id, 1))[0]?.closedAt !== null,
    'what never started is not left open',
  );
});
