/** The acceptance list of agentbox-mcp: what its smoke client asks of a server, asked of ours. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { verifies } from '../requirements/verifies.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(async () => {
  assert.deepEqual(rig.faults, []);
  await rig[Symbol.asyncDispose]();
});

/** Each is one argument of the shell, whatever is in it. */
const QUOTING: readonly (readonly [string, string, string])[] = [
  ['single quotes', `printf '%s\\n' 'a b  c'`, 'a b  c\n'],
  ['double quotes', `X='y z'; printf '%s\\n' "<$X>"`, '<y z>\n'],
  ['nested quotes', `printf '%s\\n' "it's \\"quoted\\""`, 'it\'s "quoted"\n'],
  ['a quoted heredoc', "cat <<'EOF'\n$HOME `date` \"x\" 'y' \\\nEOF", '$HOME `date` "x" \'y\' \\\n'],
  ['an open heredoc', 'N=3; cat <<EOF\nn=$N sum=$((N+1))\nEOF', 'n=3 sum=4\n'],
  ['two heredocs', 'cat <<A; cat <<B\none\nA\ntwo\nB', 'one\ntwo\n'],
  ['a glob', 'mkdir -p g && touch g/b.x g/a.x && echo g/*.x', 'g/a.x g/b.x\n'],
  ['braces', 'echo {1..3}{a,b}', '1a 1b 2a 2b 3a 3b\n'],
  ['command substitution', 'echo "$(echo "$(echo deep)")"', 'deep\n'],
  ['process substitution', 'paste <(echo l) <(echo r)', 'l\tr\n'],
  ['pipes and status', 'false | true; echo ${PIPESTATUS[*]}', '1 0\n'],
  ['a directory with a space', 'mkdir -p "a b" && cd "a b" && basename "$PWD"', 'a b\n'],
  ['a directory in Unicode', 'mkdir -p "größe 日本" && cd größe\\ 日本 && basename "$PWD"', 'größe 日本\n'],
  ['backslashes', `printf '%s\\n' 'C:\\new\\table'`, 'C:\\new\\table\n'],
  ['many lines', 'if true\nthen\n  echo yes # a comment\nfi\nfor i in 1 2\ndo echo $i\ndone', 'yes\n1\n2\n'],
];
for (const [cell, cmd, output] of QUOTING) {
  verifies(
    'machine.smoke',
    async () => {
      const answer = await rig.exec(cmd, { shell: 'bash' });
      assert.equal(answer.structured.output, output);
      assert.equal(answer.structured.exit_code, 0);
    },
    { cell },
  );
}

verifies(
  'machine.smoke',
  async () => {
    const bad = await rig.exec("printf 'a\\377b\\n'");
    assert.equal(bad.structured.output, 'a\ufffdb\n');
    const short = await rig.exec('sleep 0.6; echo late', { yield_time_ms: 50 });
    assert.equal(short.kind, 'running');
    const late = await rig.call('write_stdin', { session_id: short.structured.session_id, chars: '' });
    assert.equal(late.structured.output, 'late\n');
    const unknown = await rig.call('write_stdin', { session_id: 999_999, chars: '' });
    assert.equal(unknown.code, 'SESSION_NOT_FOUND');
    const long = await rig.exec('seq 1 5000', { max_output_tokens: 50, format: 'codex' });
    assert.match(
      long.structured.output,
      /^Warning: truncated output .*\nTotal output lines: 5000\n\n1\n2\n[^]*…\d+ tokens truncated…/,
    );
  },
  { cell: 'a bad byte, a short yield, an unknown session, a long output' },
);

verifies(
  'machine.smoke',
  async () => {
    const trap = `trap 'echo caught; exit 9' INT; echo ready; while true; do sleep 0.1; done`;
    const trapped = await rig.exec(trap, { tty: true, yield_time_ms: 1000 });
    const caught = await rig.call('write_stdin', {
      session_id: trapped.structured.session_id,
      chars: '\u0003',
      yield_time_ms: 5000,
    });
    assert.match(caught.structured.output, /^\^Ccaught\n$/);
    assert.equal(caught.structured.exit_code, 9);
    const [one, two] = await Promise.all(
      ['one', 'two'].map((name) => rig.exec(`read x; echo ${name} $x`, { stdin: true })),
    );
    assert.ok(one !== undefined && two !== undefined);
    const second = await rig.call('write_stdin', {
      session_id: two.structured.session_id,
      chars: 'b\n',
      yield_time_ms: 5000,
    });
    const first = await rig.call('write_stdin', {
      session_id: one.structured.session_id,
      chars: 'a\n',
      yield_time_ms: 5000,
    });
    assert.deepEqual([first.structured.output, second.structured.output], ['one a\n', 'two b\n']);
  },
  { cell: 'a trapped interrupt and two sessions at once' },
);

verifies(
  'machine.smoke',
  async () => {
    writeFileSync(path.join(rig.workdir, 'sum.mjs'), 'export const sum = (a, b) => a - b;\n');
    writeFileSync(
      path.join(rig.workdir, 'check.mjs'),
      "import { sum } from './sum.mjs';\nif (sum(2, 2) !== 4) throw new RangeError('2 + 2 is 4');\nconsole.log('ok');\n",
    );
    const failing = await rig.exec('node check.mjs');
    assert.equal(failing.structured.exit_code, 1);
    assert.match(failing.structured.output, /2 \+ 2 is 4/);
    const patch =
      '*** Begin Patch\n*** Update File: sum.mjs\n@@\n-export const sum = (a, b) => a - b;\n+export const sum = (a, b) => a + b;\n*** End Patch';
    assert.equal((await rig.call('apply_patch', { patch })).kind, 'done');
    const passing = await rig.exec('node check.mjs');
    assert.equal(passing.structured.output, 'ok\n');
  },
  { cell: 'a failing test, a patch, a passing test' },
);
