/** The tools as the catalog lists them, and those that look and change files rather than run commands. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { MACHINE_TOOL_NAMES } from '@agentbox/protocol';
import { z } from 'zod';
import { until } from '../box/harness.ts';
import { verifies } from '../requirements/verifies.ts';
import { operator, type Rig, startRig } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig({ prefix: 'box_', publicBaseUrl: 'https://box.example', projectRoots: ['/srv'] });
});
after(async () => {
  assert.deepEqual(rig.faults, []);
  await rig[Symbol.asyncDispose]();
});

const READ_ONLY = ['bootstrap', 'list_sessions', 'list_skills', 'load_skill', 'read_output'];
const OPEN_WORLD = ['exec_command', 'write_stdin', 'apply_patch', 'shell'];
const HARMLESS = [...READ_ONLY, 'resize_session'];

verifies('machine.tools.hints', () => {
  const tools = rig.provider.list(operator);
  assert.deepEqual(tools.map(({ name }) => name).sort(), [...MACHINE_TOOL_NAMES].sort());
  for (const { name, annotations } of tools) {
    assert.equal(annotations.readOnlyHint, READ_ONLY.includes(name), name);
    assert.equal(annotations.destructiveHint, !HARMLESS.includes(name), name);
    assert.equal(annotations.openWorldHint, OPEN_WORLD.includes(name), name);
    assert.equal(annotations.idempotentHint, HARMLESS.includes(name) || name === 'kill_session', name);
  }
});

verifies('machine.tools.described', () => {
  for (const { name, title, description, scopes } of rig.provider.list(operator)) {
    assert.match(name, /^[a-z_]{1,40}$/);
    assert.match(description, /^Use this when .+\.$/s);
    assert.ok(title.length > 5 && title.length <= 60 && description.length <= 900, name);
    assert.equal(scopes.length, 1, name);
  }
});

verifies('machine.tools.schemas', async () => {
  for (const { name, inputSchema, outputSchema } of rig.provider.list(operator)) {
    assert.equal(inputSchema['type'], 'object', name);
    assert.equal(inputSchema['additionalProperties'], false, name);
    assert.equal(outputSchema?.['type'], 'object', name);
    assert.equal(outputSchema?.['additionalProperties'], false, name);
    assert.doesNotMatch(JSON.stringify([inputSchema, outputSchema]), /9007199254740991/, name);
  }
  // Every answer of the suite is checked against its parser; here the wire's own schemas judge.
  const answers = {
    exec_command: await rig.exec('echo hi; sleep 30 & exit 3'),
    list_sessions: await rig.call('list_sessions', {}),
    bootstrap: await rig.call('bootstrap', {}),
    list_skills: await rig.call('list_skills', {}),
  };
  for (const [tool, { structured }] of Object.entries(answers)) {
    const schema = rig.provider.list(operator).find(({ name }) => name === tool)?.outputSchema;
    const known = Object.fromEntries(Object.entries(structured).filter(([, value]) => value !== ''));
    const problems = z.fromJSONSchema(Object(schema)).safeParse({ ...known, ...required(schema, structured) });
    assert.ok(problems.success, `${tool}: ${problems.error?.message ?? ''}`);
  }
  await rig.call('kill_session', { session_id: answers.exec_command.structured.session_id });
});

function required(schema: unknown, structured: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names: unknown = Object(schema).required;
  return Object.fromEntries((Array.isArray(names) ? names : []).map((name: string) => [name, structured[name]]));
}

verifies('machine.tools.inline', async () => {
  const long = await rig.exec('seq 1 100000', { max_output_tokens: 1_000_000 });
  assert.ok(long.text.length > 35_000 && long.text.length <= 45_000, String(long.text.length));
  const both = await rig.exec('seq 1 100000; seq 1 100000 >&2', { stderr: 'separate' });
  assert.ok(both.text.length <= 45_000);
  const codex = await rig.exec('seq 1 100000', { format: 'codex' });
  assert.ok(codex.text.length <= 45_000);
  const facts = await rig.exec('sleep 30 & cd /; printf "\\377"; echo; exit 3', { max_output_tokens: 20_000 });
  for (const [name, text] of [
    ['exit_code', 'exited with code 3'],
    ['cwd', `Working directory: ${rig.workdir}`],
    ['binary', 'Binary: '],
    ['warnings', 'Warning: max_output_tokens'],
    ['background', 'Still running in the background'],
  ] as const) {
    assert.ok(facts.text.includes(text) && facts.structured[name] !== undefined, name);
  }
  await rig.call('kill_session', { session_id: facts.structured.session_id });
});

verifies('machine.bootstrap', async () => {
  const { structured, text } = await rig.call('bootstrap', {});
  assert.match(String(structured['profile']), /^host: commands run unsandboxed as \S+/);
  assert.equal(structured['default_workdir'], rig.workdir);
  assert.equal(structured['public_base_url'], 'https://box.example');
  assert.deepEqual(structured['project_roots'], ['/srv']);
  assert.deepEqual(structured['skill_roots'], [rig.skillRoot]);
  assert.equal(structured['skills'], 1);
  const instructions = JSON.stringify(structured['instructions']);
  for (const tool of ['exec_command', 'write_stdin', 'apply_patch', 'read_output', 'kill_session', 'load_skill']) {
    assert.ok(instructions.includes(`box_${tool}`), tool);
  }
  assert.ok(text.includes(String(structured['hostname'])));
  assert.match(
    String(structured['skill_catalog']),
    /- release-notes: Writes release notes from the log\. \(file: r1\//,
  );
  assert.match(String(structured['os_info']), /Linux \d+\.\d+/);
  for (const one of [structured['common_available_tools']].flat().map((tool) => Object(tool))) {
    const found = await rig.exec(`command -v ${one.name}`, { login: true });
    assert.equal(found.structured.output, `${one.path}\n`, 'it is the program that commands find');
  }
});

verifies(
  'machine.bootstrap',
  async () => {
    await using own = await startRig();
    for (let index = 0; index < 600; index += 1) {
      own.writeSkill(`skill-with-a-long-name-${index}`, 'word '.repeat(100));
    }
    await until(async () => {
      const { structured } = await own.call('bootstrap', {});
      return structured['skills'] === 500 || structured['skills'] === 601;
    }, 'the skills are found');
    const { text, structured } = await own.call('bootstrap', {});
    assert.ok(text.length < 40_000, `${text.length} characters`);
    assert.match(
      String(structured['skill_catalog']),
      /Not all of \d+ skills fit here: agentbox_list_skills lists the rest/,
    );
  },
  { cell: 'more skills than fit' },
);

verifies('machine.skills', async () => {
  const listed = await rig.call('list_skills', { query: 'notes' });
  assert.equal(listed.structured['total'], 1);
  assert.match(listed.text, /^- release-notes: Writes release notes/);
  const none = await rig.call('list_skills', { query: 'cooking' });
  assert.match(none.text, /No skill matches/);
  const loaded = await rig.call('load_skill', { skill: 'release-notes' });
  assert.equal(loaded.structured['content'], 'Read the log first.\n');
  assert.equal(loaded.structured['description'], 'Writes release notes from the log.');
  const unknown = await rig.call('load_skill', { skill: 'notes' });
  assert.equal(unknown.code, 'SKILL_NOT_FOUND');
  assert.match(unknown.message, /release-notes/);
  const outside = await rig.call('load_skill', { skill: 'release-notes', file: '../../etc/passwd' });
  assert.equal(outside.code, 'SKILL_FILE_FORBIDDEN');
});

const patch = (body: string): string => `*** Begin Patch\n${body}\n*** End Patch`;

verifies('machine.patch.tool', async () => {
  const added = await rig.call('apply_patch', { patch: patch('*** Add File: a.txt\n+one\n+two') });
  assert.equal(added.text, 'Success. Updated the following files:\nA a.txt\n');
  const [file] = [added.structured['files']].flat().map((one) => Object(one));
  assert.equal(file.change, 'added');
  assert.equal(file.added_lines, 2);
  const changed = await rig.call('apply_patch', { patch: patch('*** Update File: a.txt\n@@\n-two\n+three') });
  assert.equal(changed.kind, 'done');
  assert.equal(readFileSync(path.join(rig.workdir, 'a.txt'), 'utf8'), 'one\nthree\n');
  const failed = await rig.call('apply_patch', {
    patch: patch('*** Add File: b.txt\n+x\n*** Update File: a.txt\n@@\n-nothing like it\n+y'),
  });
  assert.equal(failed.kind, 'failed');
  assert.match(failed.code, /^PATCH_/);
  assert.match(failed.message, /a\.txt/);
  assert.throws(() => readFileSync(path.join(rig.workdir, 'b.txt')), /ENOENT/, 'all or nothing');
  const nonsense = await rig.call('apply_patch', { patch: 'no patch' });
  assert.equal(nonsense.code, 'PATCH_INVALID');
  const clobber = await rig.call('apply_patch', { patch: patch('*** Add File: a.txt\n+z'), no_clobber: true });
  assert.equal(clobber.kind, 'failed');
});

verifies(
  'machine.patch.tool',
  async () => {
    await using own = await startRig({ workspace: rig.workdir });
    const outside = await own.call('apply_patch', { patch: patch(`*** Add File: ${own.workdir}/out.txt\n+x`) });
    assert.equal(outside.code, 'PATH_FORBIDDEN');
    const inside = await own.call('apply_patch', { patch: patch('*** Add File: in.txt\n+x'), workdir: rig.workdir });
    assert.equal(inside.kind, 'done');
  },
  { cell: 'a workspace holds' },
);

verifies(
  'machine.patch.tool',
  async () => {
    writeFileSync(path.join(rig.workdir, 'twice.txt'), 'same\nsame\n');
    const noted = await rig.call('apply_patch', { patch: patch('*** Update File: twice.txt\n@@\n-same\n+other') });
    assert.equal(noted.text.match(/note:/gi)?.length, 1, noted.text);
    assert.equal([noted.structured['notes']].flat().length, 1);
  },
  { cell: 'a note is said once' },
);

verifies('exec.patch.intercepted', async () => {
  writeFileSync(path.join(rig.workdir, 'p.txt'), 'old\n');
  const body = '*** Update File: p.txt\n@@\n-old\n+new';
  const applied = await rig.exec(`apply_patch <<'EOF'\n${patch(body)}\nEOF`);
  const codex =
    /^Wall time: \d+\.\d{4} seconds\nOutput:\nExit code: 0\nWall time: 0 seconds\nOutput:\nSuccess\. Updated the following files:\nM p\.txt\n$/;
  assert.match(applied.text, codex);
  assert.equal(applied.structured.exit_code, 0);
  assert.equal(readFileSync(path.join(rig.workdir, 'p.txt'), 'utf8'), 'new\n');
  const again = await rig.exec(`apply_patch <<'EOF'\n${patch(body)}\nEOF`);
  assert.match(again.message, /^apply_patch verification failed: Failed to find expected lines in/);
  const bare = await rig.exec(patch(body));
  assert.match(bare.message, /patch detected without explicit call to apply_patch/);
  const spoken = await rig.exec('echo "*** Begin Patch"; echo apply_patch');
  assert.equal(spoken.structured.output, '*** Begin Patch\napply_patch\n');
});

verifies('machine.read-output', async () => {
  const lines = Array.from({ length: 5000 }, (_, line) => `row ${line + 1}\n`).join('');
  const run = await rig.exec("for i in $(seq 5000); do echo row $i; done; printf '\\033[31mred\\033[0m'", {
    max_output_tokens: 10,
  });
  const session_id = run.structured.session_id;
  const read = (given: Record<string, unknown>) => rig.call('read_output', { session_id, ...given });
  let joined = '';
  let next: unknown = 0;
  for (let part = 0; part < 40; part += 1) {
    const { structured } = await read({ from: next, max_output_tokens: 1000 });
    joined += structured.output;
    next = structured['next'];
    if (structured['more'] === false) break;
  }
  assert.equal(joined, `${lines}red`, 'page after page gives the whole');
  assert.equal((await read({ from: -8, raw: true })).structured.output, '[31mred\u001b[0m'.slice(-8));
  assert.equal((await read({ from: 4, to: 11 })).structured.output, '1\nrow 2');
  assert.equal((await read({ from_line: 4999 })).structured.output, 'row 4999\nrow 5000\nred');
  assert.equal((await read({ from_line: 9999 })).structured.output, '');
  assert.equal((await read({ from: 10 ** 9 })).structured.output, '');
  const found = await read({ pattern: '^row 49\\d\\d$', max_matches: 3 });
  assert.equal(found.structured.output, '4900: row 4900\n4901: row 4901\n4902: row 4902\n');
  const more = await read({ pattern: '^row 49\\d\\d$', max_matches: 1, from: found.structured['next'] });
  assert.equal(more.structured.output, '4903: row 4903\n');
  const without = await read({ pattern: '^(?!row)' });
  assert.equal(without.structured.output, '5001: red\n', 'what must not stand in one line may stand in another');
  assert.match((await read({ pattern: 'x(' })).message, /"pattern" is no regular expression/);
  assert.match((await read({ from: 1, from_line: 2 })).message, /exclude each other/);
  assert.match((await read({ stream: 'stderr' })).message, /no stream of its own/);
});

verifies(
  'machine.read-output',
  async () => {
    // 4 KB of head and 8 KB of ring: most of the lines between are gone.
    const limits = { log: { tailBytes: 2048, backlogBytes: 65_536 }, spool: { headBytes: 4096, ringBytes: 8192 } };
    await using own = await startRig({}, { limits });
    const run = await own.exec('for i in $(seq 100000 119999); do echo $i; done', { max_output_tokens: 10 });
    const session_id = run.structured.session_id;
    const read = (given: Record<string, unknown>) => own.call('read_output', { session_id, ...given });
    const kept = await read({ from_line: 19_998 });
    assert.equal(kept.structured.output, '119997\n119998\n119999\n', 'counted across the gap');
    assert.equal((await read({ from_line: 100, to_line: 101 })).structured.output, '100099\n100100\n');
    const gone = await read({ from_line: 5000 });
    assert.match(gone.text, /line 5000 was dropped by the quota of the log; what is kept goes on in line 1\d{4}/);
    const resumed = Number(/in line (\d+)/.exec(gone.text)?.[1]);
    const whole = await read({ from_line: resumed + 1, to_line: resumed + 1 });
    assert.equal(whole.structured.output, `${100_000 + resumed}\n`, 'the number of the line is exact');
    const between = await read({ from_line: 5000, to_line: 5001 });
    assert.equal(between.structured.output, '');
    assert.match(between.text, /was dropped/);
    assert.match((await read({ from_line: 99_999 })).text, /there is no line 99999/);
    assert.match((await read({ from_line: 5, to_line: 3 })).message, /"to_line" must be at least "from_line"/);
    let pages = 0;
    let next: unknown = 0;
    for (let more: unknown = true; more === true; pages += 1) {
      const page = await read({ from: next });
      next = page.structured['next'];
      more = page.structured['more'];
    }
    assert.ok(pages <= 8, `the gap was crossed in ${pages} pages`);
    const found = await read({ pattern: '^11999[89]$' });
    assert.equal(found.structured.output, '19999: 119998\n20000: 119999\n', 'searched behind the gap too');
    const [first] = [found.structured['matches']].flat().map((one) => Object(one));
    assert.equal((await read({ from: first.offset, to: first.offset + 6 })).structured.output, '119998');
  },
  { cell: 'what the quota dropped' },
);

verifies(
  'machine.read-output',
  async () => {
    const run = await rig.exec("printf '\\xff\\xfe-ok'");
    const session_id = run.structured.session_id;
    const bytes = await rig.call('read_output', { session_id, encoding: 'base64' });
    assert.equal(bytes.structured.output, '//4tb2s=');
    assert.equal(bytes.structured['binary'], true);
    const noise = await rig.exec('head -c 300000 /dev/urandom');
    let next: unknown = 0;
    let length = 0;
    for (let more: unknown = true; more === true; ) {
      const page = await rig.call('read_output', {
        session_id: noise.structured.session_id,
        encoding: 'base64',
        from: next,
      });
      length += Buffer.from(page.structured.output, 'base64').length;
      next = page.structured['next'];
      more = page.structured['more'];
    }
    assert.equal(length, 300_000, 'page after page gives every byte');
    const shown = await rig.call('read_output', { session_id: noise.structured.session_id, raw: true });
    assert.ok(Buffer.byteLength(shown.structured.output) <= 40_000, 'what is not UTF-8 takes no more room than text');
    const line = await rig.exec('head -c 300000 /dev/zero | tr "\\0" x');
    const huge = await rig.call('read_output', { session_id: line.structured.session_id, from_line: 1, to_line: 1 });
    assert.equal(huge.structured.output.length, 40_000);
    assert.equal(huge.structured['more'], true);
  },
  { cell: 'bytes, and a line without end' },
);

verifies(
  'machine.read-output',
  async () => {
    const run = await rig.exec('yes | head -c 24000000; echo done', { yield_time_ms: 30_000, max_output_tokens: 10 });
    const read = (from: unknown) =>
      rig.call('read_output', { session_id: run.structured.session_id, pattern: 'done', from });
    let answer = await read(0);
    // However slow the machine: each answer is a place to go on from.
    for (let calls = 1; answer.structured['more'] === true; calls += 1) {
      assert.ok(calls < 60, 'the search comes to its end');
      assert.match(answer.text, /searched up to byte \d+/);
      answer = await read(answer.structured['next']);
    }
    assert.equal(answer.structured.output, '12000001: done\n');
  },
  { cell: 'a search longer than its time' },
);
