/**
 * The pure patch room on any bytes. The input is a file and a patch with a line `=====` between them; the bytes also
 * drive a generator of edits that must apply exactly and come undone exactly.
 */
import assert from 'node:assert/strict';
import {
  type FactsOf,
  type Hunk,
  isBarePatch,
  type NodeFacts,
  type Patch,
  type Plan,
  parseApplyPatchInvocation,
  parsePatch,
  pathsOf,
  planPatch,
  printPatch,
  printPlan,
} from '@agentbox/apply-patch';
import { decodeFile, encodeFile } from '../../../packages/apply-patch/src/encoding.ts';
import { randomFrom, type Target } from '../harness.ts';

const SEPARATOR = '\n=====\n';
const LENIENT = { atomic: true, strict: false, clobber: true };

function split(bytes: Uint8Array): { readonly file: Uint8Array; readonly patch: string } {
  const at = Buffer.from(bytes).indexOf(SEPARATOR);
  if (at < 0) return { file: Buffer.from('a\nb\nc\n'), patch: Buffer.from(bytes).toString('utf8') };
  return { file: bytes.subarray(0, at), patch: Buffer.from(bytes.subarray(at + SEPARATOR.length)).toString('utf8') };
}

/** The first path is the file; what the others are depends on their name. */
function factsFor(patch: Patch, file: Uint8Array): FactsOf {
  const nodes: readonly NodeFacts[] = [
    { kind: 'missing' },
    { kind: 'file', bytes: file },
    { kind: 'directory' },
    { kind: 'other', what: 'a named pipe' },
  ];
  return new Map(
    pathsOf(patch).map((path, index) => {
      const node = index === 0 ? nodes[1] : nodes[path.length % nodes.length];
      const facts = {
        display: `/c/${path}`,
        name: `/c/${path}`,
        target: `/c/${path}`,
        blockedBy: null,
        forbidden: null,
        forbiddenName: null,
      };
      return [path, { ...facts, node: node ?? { kind: 'missing' } }];
    }),
  );
}

const withoutLines = (hunks: readonly Hunk[]): string =>
  JSON.stringify(hunks, (key, value: unknown) => (key === 'line' ? undefined : value));

function checkPrinting(patch: Patch): void {
  const printed = printPatch(patch);
  const again = parsePatch(printed);
  assert.equal(again.kind, 'patch', printed);
  if (again.kind !== 'patch') return;
  assert.equal(withoutLines(again.patch.hunks), withoutLines(patch.hunks));
  assert.equal(printPatch(again.patch), printed);
}

function writesOf(plan: Plan): string {
  const writes = plan.writes.map(({ path, content }) => [path, Buffer.from(content).toString('latin1')]);
  return JSON.stringify([writes, plan.removals]);
}

function checkPlan(patch: Patch, file: Uint8Array): void {
  const before = Buffer.from(file).toString('latin1');
  const facts = factsFor(patch, file);
  const plan = planPatch(patch, facts, LENIENT);
  assert.equal(writesOf(planPatch(patch, facts, LENIENT)), writesOf(plan), 'the same twice');
  assert.equal(Buffer.from(file).toString('latin1'), before, 'what is given stays as it is');
  const printed = printPlan(plan);
  assert.equal(printed.exitCode === 0, plan.failure === null);
  assert.equal(printed.stderr === '', plan.failure === null);
  if (plan.failure !== null) assert.deepEqual([plan.writes, plan.removals, plan.files], [[], [], []]);
  const strict = planPatch(patch, facts, { ...LENIENT, strict: true });
  if (strict.failure === null) assert.equal(writesOf(strict), writesOf(plan), 'strict only refuses');
  planPatch(patch, facts, { ...LENIENT, atomic: false, clobber: false });
}

function checkEncoding(file: Uint8Array): void {
  const decoded = decodeFile(file);
  if (decoded.kind === 'refused') return;
  const encoded = encodeFile(decoded.bytes, decoded.encoding);
  assert.equal(encoded.kind, 'bytes');
  if (encoded.kind === 'bytes')
    assert.ok(Buffer.from(encoded.bytes).equals(file), 'bytes that nobody touched come back');
}

function updated(file: string, lines: readonly string[]): string {
  const parsed = parsePatch(['*** Begin Patch', '*** Update File: f', ...lines, '*** End Patch'].join('\n'));
  assert.equal(parsed.kind, 'patch');
  if (parsed.kind !== 'patch') return '';
  const plan = planPatch(parsed.patch, factsFor(parsed.patch, Buffer.from(file)), { ...LENIENT, strict: true });
  assert.equal(plan.failure, null, plan.failure?.message);
  const [write] = plan.writes;
  return write === undefined ? file : Buffer.from(write.content).toString('utf8');
}

/** Edits of a file of distinct lines: applied they give the edited file, reversed the first one again. */
function checkEdits(seed: number): void {
  const random = randomFrom(seed);
  const end = random(2) === 0 ? '\n' : '\r\n';
  const size = 1 + random(30);
  const before: string[] = [];
  const after: string[] = [];
  const forth: string[] = [];
  const back: string[] = [];
  for (let index = 0; index < size; index += 1) {
    const line = `${' '.repeat(random(4))}line ${index} é“”${random(1000)}`;
    const fresh = Array.from({ length: random(3) }, (_, more) => `new ${index}.${more} –${random(1000)}`);
    const change = random(4) === 0;
    before.push(line);
    after.push(...(change ? fresh : [line]));
    if (change) forth.push(`-${line}`, ...fresh.map((text) => `+${text}`));
    else forth.push(` ${line}`);
    if (change) back.push(...fresh.map((text) => `-${text}`), `+${line}`);
    else back.push(` ${line}`);
  }
  const whole = (lines: readonly string[]): string => lines.map((line) => line + end).join('');
  assert.equal(updated(whole(before), ['@@', ...forth]), whole(after));
  // An emptied file has forgotten its line end.
  if (after.length > 0) assert.equal(updated(whole(after), ['@@', ...back]), whole(before));
}

function run(bytes: Uint8Array): void {
  const { file, patch: text } = split(bytes);
  checkEncoding(file);
  checkEncoding(bytes);
  parseApplyPatchInvocation(text);
  parseApplyPatchInvocation(`cd x && apply_patch <<'EOF'\n${text}\nEOF`);
  const parsed = parsePatch(text);
  if (isBarePatch(text)) assert.equal(parsed.kind, 'patch');
  if (parsed.kind === 'patch') {
    checkPrinting(parsed.patch);
    checkPlan(parsed.patch, file);
  }
  checkEdits(bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, bytes.length));
}

const wrap = (...lines: readonly string[]): string => ['*** Begin Patch', ...lines, '*** End Patch', ''].join('\n');
const SEEDS: readonly (readonly [string, string])[] = [
  ['a\nb\nc\n', wrap('*** Update File: f', '@@', ' a', '-b', '+B')],
  [
    'class A:\n  x\nclass B:\n  x\n',
    wrap('*** Update File: f', '@@ class B:', '@@   x', '+y', '@@', '-class A:', '*** End of File'),
  ],
  [
    'a\r\nb\r\n\r\n',
    wrap('*** Update File: f', '*** Move to: g', '-a', '+A', '', '*** End of File', '', '@@ -1,2 +1 @@ b', '+c'),
  ],
  ['@@\na\n@@\n', wrap('*** Update File: f', ' @@ ', '+y')],
  [
    '\ufeffa\nx\nx\n',
    wrap(
      '*** Environment ID: e',
      '*** Update File: "f"',
      ' @@ ',
      '-x',
      '+y',
      '*** Delete File: g',
      '*** Add File: h',
      '+1',
    ),
  ],
  ['é–“x”\na  b\n', `<<'EOF'\n${wrap('*** Update File: f', '@@', '-é-"x"', '+z', '@@', '-a b')}EOF`],
  [
    'a',
    `apply_patch <<'EOF'\n${wrap('*** Add File: d/n', '+x', '*** Update File: d/n', '-x', '*** Delete File: d/n')}EOF`,
  ],
];

export const applyPatch: Target = {
  name: 'apply-patch',
  seeds: SEEDS.map(([file, patch]) => Buffer.from(file + SEPARATOR + patch)),
  dictionary: [
    '*** Begin Patch\n',
    '*** End Patch\n',
    '*** Add File: n\n',
    '*** Delete File: f\n',
    '*** Update File: f\n',
    '*** Move to: g\n',
    '*** End of File\n',
    '*** Environment ID: x\n',
    '@@\n',
    '@@ a\n',
    '\n ',
    '\n+',
    '\n-',
    '\r\n',
    '\u00a0',
    '\u2014',
    '\u200b',
    'e\u0301',
    '\ufeff',
    SEPARATOR,
    "<<'EOF'\n",
    'cd a && apply_patch ',
  ],
  run,
};
