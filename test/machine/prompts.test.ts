/** Programs that ask: the answer comes with the prompt, says whether a secret is asked, and waiting goes on beyond it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
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

const prompt = (answer: Answer): Record<string, unknown> => Object(answer.structured['awaiting_input']);
const type = (answer: Answer, given: Record<string, unknown>): Promise<Answer> =>
  rig.call('write_stdin', { session_id: answer.structured.session_id, ...given });

const missing = (program: string): string | false =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0 ? false : `${program} is not installed`;

interface Asking {
  readonly needs: string;
  readonly cmd: string;
  readonly text: RegExp;
  readonly echo: boolean;
  readonly reply: string;
  /** null where versions of the program differ */
  readonly exit: number | null;
}

const ASKING: Readonly<Record<string, Asking>> = {
  'read -p': {
    needs: 'sh',
    cmd: "read -p 'Name? ' x; echo hello $x",
    text: /^Name\? $/,
    echo: true,
    reply: 'Bo',
    exit: 0,
  },
  'a silent read': {
    needs: 'sh',
    cmd: "read -s -p 'Password: ' x; echo; echo got",
    text: /^Password: $/,
    echo: false,
    reply: 'secret',
    exit: 0,
  },
  'python input()': {
    needs: 'python3',
    cmd: 'python3 -c "print(len(input(\'How many? \')))"',
    text: /^How many\? $/,
    echo: true,
    reply: '12',
    exit: 0,
  },
  'python getpass': {
    needs: 'python3',
    cmd: 'python3 -c "import getpass; print(len(getpass.getpass()))"',
    text: /^Password: $/,
    echo: false,
    reply: 'secret',
    exit: 0,
  },
  'an event loop of node': {
    needs: 'node',
    cmd: `node -e "process.stdin.once('data', () => process.exit(0)); process.stdout.write('Sure? ')"`,
    text: /^Sure\? $/,
    echo: true,
    reply: 'yes',
    exit: 0,
  },
  'a user name for git': {
    needs: 'git',
    cmd: 'printf "protocol=https\\nhost=127.0.0.1\\n\\n" | git -c credential.helper= credential fill',
    text: /^Username for 'https:\/\/127\.0\.0\.1': $/,
    echo: true,
    reply: '\u0003',
    exit: 130,
  },
  'a key that ssh-keygen would overwrite': {
    needs: 'ssh-keygen',
    cmd: 'ssh-keygen -q -t ed25519 -N "" -f ./existing-key',
    text: /^Overwrite \(y\/n\)\? $/,
    echo: true,
    reply: 'y',
    exit: 0,
  },
  'npm init': {
    needs: 'npm',
    cmd: 'npm init',
    text: /^package name: \([^)]*\) $/,
    echo: true,
    reply: '\u0003',
    exit: null,
  },
};

for (const [cell, { needs, cmd, text, echo, reply, exit }] of Object.entries(ASKING)) {
  verifies(
    'exec.prompt.answered',
    async () => {
      writeFileSync(path.join(rig.workdir, 'existing-key'), 'not a key');
      const env = { GIT_TERMINAL_PROMPT: '1', npm_config_update_notifier: 'false', HOME: rig.workdir };
      const asked = await rig.exec(cmd, { tty: true, yield_time_ms: 30_000, shell: 'bash', env });
      assert.equal(asked.kind, 'running', asked.text);
      assert.match(String(prompt(asked)['text']), text);
      assert.equal(prompt(asked)['echo'], echo);
      const answered = await type(asked, {
        chars: reply.startsWith('\u0003') ? reply : `${reply}\n`,
        yield_time_ms: 20_000,
      });
      assert.equal(answered.structured.exit_code, exit ?? answered.structured.exit_code, answered.text);
      assert.equal(answered.structured['running'], false);
    },
    { cell, skip: missing(needs) },
  );
}

verifies(
  'exec.prompt.answered',
  async () => {
    const delays: number[] = [];
    for (let run = 0; run < 7; run += 1) {
      const asked = await rig.exec("date +%s%3N; read -p 'Name? ' x", {
        tty: true,
        yield_time_ms: 20_000,
        shell: 'bash',
      });
      delays.push(Date.now() - Number(asked.structured.output.split('\n')[0]));
      await type(asked, { chars: '\n', yield_time_ms: 5000 });
    }
    const [median = Number.POSITIVE_INFINITY] = delays.sort((a, b) => a - b).slice(3);
    assert.ok(median <= 500, `answered ${delays.join(', ')} ms after the prompt`);
  },
  { cell: 'within 500 ms of the prompt' },
);

verifies('exec.prompt.waited-beyond', async () => {
  const asks = `echo start; (sleep 1.5; echo news) & read -p 'Name? ' x; wait`;
  const asked = await rig.exec(asks, { tty: true, yield_time_ms: 20_000, shell: 'bash' });
  assert.equal(prompt(asked)['text'], 'Name? ');
  const started = performance.now();
  const news = await type(asked, { yield_time_ms: 20_000 });
  assert.match(news.structured.output, /news/, 'the prompt that was told already does not end the wait');
  assert.ok(performance.now() - started < 15_000, 'what comes after it does');
  const silent = await type(asked, { yield_time_ms: 700 });
  assert.equal(silent.structured.output, '');
  assert.equal(silent.kind, 'running');
  assert.notEqual(silent.structured['awaiting_input'], undefined, 'and it is told again at the end of the wait');
  const answered = await type(asked, { chars: 'Bo\n', yield_time_ms: 10_000 });
  assert.equal(answered.structured.exit_code, 0);
});
