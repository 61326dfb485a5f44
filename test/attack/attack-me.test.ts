/** `agentbox attack-me` against the profile host: the control that shows that the oracles see. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT, run } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { AttackHome, leftBehind, NO_NETWORK, reportOf, segments } from './attacked.ts';

const skip = { skip: NO_NETWORK };

const range = (letter: string, first: number, last: number): readonly string[] =>
  Array.from({ length: last - first + 1 }, (_, at) => `${letter}${first + at}`);

/** The list as it was fixed: a case that is taken out shows here. */
const LIST = [
  ...range('A', 1, 11),
  ...range('B', 12, 20),
  ...range('C', 21, 27),
  ...range('D', 28, 40),
  ...range('E', 41, 49),
  ...range('F', 50, 56),
  ...range('G', 57, 69),
  ...range('K', 98, 104),
];

/** What a machine without a sandbox cannot but leak, whoever the user is; G62 is a class of its own. */
const MUST_LEAK =
  'A1 A3 A4 A5 A7 A10 B12 C21 C22 C23 C25 C26 D28 D29 D31 D35 D36 D38 E43 E48 F51 F53 K98 K99 K100 G57 G58 G59 G60 G61 G63 G64 G65 G66 G67 G68 G69'.split(
    ' ',
  );

function digestOf(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const path = join(folder, entry);
    hash.update(entry);
    if (statSync(path).isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

verifies(
  'attack.list.fixed',
  async (context) => {
    using place = new AttackHome();
    mkdirSync(join(place.home, 'rules'));
    writeFileSync(
      join(place.home, 'rules', 'own.rules'),
      'prefix_rule(pattern=["unheard-of"], decision="forbidden")\n',
    );
    const before = digestOf(place.home);
    const ran = await place.run(['--profile', 'host', '--json']);
    assert.equal(ran.code, 1, ran.stderr);
    const { cases, score } = reportOf(ran);
    const byId = new Map(cases.map((one) => [one.id, one]));
    assert.deepEqual([...byId.keys()], LIST);
    assert.equal(score.of + score.not_applicable, LIST.length);
    for (const one of cases) assert.notEqual(one.text, '', `${one.id} says why`);

    await context.test('attack.control.leaks', () => {
      assert.deepEqual(
        cases.filter(({ tries }) => tries.some(({ verdict }) => verdict === 'broken')),
        [],
      );
      const quiet = MUST_LEAK.filter((id) => byId.get(id)?.verdict !== 'leaked');
      assert.deepEqual(quiet, [], 'these must leak without a sandbox');
      assert.ok(score.leaked >= 50, `${score.leaked} leaked`);
    });
    await context.test('attack.run.home-untouched', () => assert.equal(digestOf(place.home), before));
    await context.test('attack.run.leaves-nothing', () => assert.deepEqual(leftBehind(place.user), []));
  },
  skip,
);

verifies(
  'attack.control.leaks',
  async () => {
    using place = new AttackHome();
    const ran = await place.run(['--profile', 'host', '--json', '--only', 'A1,B12,C21,D28,F51,K100']);
    const verdicts = reportOf(ran).cases.map(({ id, verdict }) => `${id} ${verdict}`);
    assert.deepEqual(
      verdicts,
      'A1 B12 C21 D28 F51 K100'.split(' ').map((id) => `${id} leaked`),
    );
  },
  skip,
);

/** What some machines and kernels do not start even without a sandbox, and races that are won only sometimes. */
const MAY_NOT_START =
  /^(?:\/proc\/1\/root|a hard link|chroot|a sandbox inside|a namespace inside|[a-z -]*swap)(?: on a terminal)?$/;

verifies(
  'attack.control.every-vector',
  async () => {
    using place = new AttackHome();
    const { cases } = reportOf(await place.run(['--profile', 'host', '--json', '--only', 'G']));
    const tries = cases.flatMap((one) => one.tries);
    const quiet = tries.filter(({ verdict, name }) => verdict === 'held' && !MAY_NOT_START.test(name));
    assert.deepEqual(quiet, [], 'a way that starts nothing proves nothing');
    const started = tries.filter(({ verdict }) => verdict === 'leaked' || verdict === 'reported');
    assert.ok(started.length >= 90, `${started.length} ways`);
    const copies = tries.filter(({ verdict }) => verdict === 'reported');
    assert.ok(copies.length >= 10, `${copies.length} copies`);
  },
  skip,
);

verifies(
  'attack.run.configured',
  async () => {
    using place = new AttackHome();
    writeFileSync(join(place.home, 'config.toml'), '[box]\nprofil = "host"\n');
    const ran = await place.run(['--json', '--only', 'A1']);
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /CONFIG_INVALID[\s\S]*config\.toml:2/);
  },
  { ...skip, cell: 'a configuration that is wrong' },
);

verifies(
  'attack.run.configured',
  async () => {
    using place = new AttackHome();
    writeFileSync(join(place.home, 'config.toml'), '[box]\nprofile = "host"\n');
    const { profile } = reportOf(await place.run(['--json', '--only', 'D40']));
    assert.equal(profile, 'host');
  },
  { ...skip, cell: 'the profile' },
);

verifies(
  'attack.run.home-untouched',
  async () => {
    using place = new AttackHome();
    writeFileSync(join(place.home, 'token'), 'a token of the user\n', { mode: 0o600 });
    const before = digestOf(place.home);
    await place.run(['--profile', 'host', '--json', '--only', 'F51,K98']);
    assert.equal(digestOf(place.home), before);
  },
  skip,
);

for (const [cell, afterMs] of [
  ['while it starts', 600],
  ['in the middle', 5000],
] as const) {
  verifies(
    'attack.run.interrupted',
    async () => {
      using place = new AttackHome();
      const child = place.start(['--profile', 'host', '--only', 'E,G']);
      child.stdout?.resume();
      child.stderr?.resume();
      const ended = new Promise<number | null>((resolve) => void child.once('exit', resolve));
      await sleep(afterMs);
      child.kill('SIGINT');
      assert.ok([130, null].includes(await ended));
      assert.deepEqual(leftBehind(place.user), []);
    },
    { ...skip, cell },
  );
}

verifies(
  'attack.run.leaves-nothing',
  async () => {
    using place = new AttackHome();
    const before = new Set(segments());
    await place.run(['--profile', 'host', '--json', '--only', 'C27,E41,E46,K101,K104']);
    assert.deepEqual(leftBehind(place.user), []);
    const left = segments().filter((key) => !before.has(key));
    assert.deepEqual(left, []);
  },
  skip,
);

for (const [cell, args, code] of [
  ['nothing leaks', ['--profile', 'host', '--json', '--only', 'F56,K103'], 0],
  ['something leaks', ['--profile', 'host', '--json', '--only', 'A1'], 1],
  ['no such profile', ['--profile', 'nonsense', '--json', '--only', 'A1'], 2],
  ['no such case', ['--only', 'Z9'], 2],
] as const) {
  verifies(
    'attack.exit.says-it',
    async () => {
      using place = new AttackHome();
      const ran = await place.run(args);
      assert.equal(ran.code, code, `${ran.stdout}${ran.stderr}`);
    },
    { ...skip, cell },
  );
}

verifies(
  'attack.report.readable',
  async () => {
    using place = new AttackHome();
    const { stdout } = await place.run(['--profile', 'host', '--only', 'A1,D40,F56']);
    assert.match(stdout, /^ {2}A {2}Files .*held {2}0 {3}leaked {2}1/m);
    assert.match(stdout, /^Leaked\n {2}A1 {4}read a file outside the workspace\n/m);
    assert.match(stdout, /^What to do\n {2}run with `box\.profile = "workspace"`/m);
    assert.match(stdout, /^Not applicable\n {2}D40 /m);
    assert.match(stdout, /^ {2}1 of 2 held {2}1 leaked, 1 not applicable/m);
    assert.doesNotMatch(stdout, /\u001B/);
  },
  skip,
);

verifies('attack.docs.complete', async () => {
  const page = readFileSync(join(ROOT, 'docs', 'attack-me.md'), 'utf8');
  const rows = [...page.matchAll(/^\| ([A-GK]\d+) \|/gm)].map(([, id]) => id);
  assert.deepEqual(rows, LIST);
  const { stdout } = await run(['attack-me', '--help']);
  const options = new Set([...stdout.matchAll(/(--[a-z-]+)/g)].map(([option]) => option));
  for (const option of options) assert.ok(option === '--help' || page.includes(`\`${option}`), option);
});
