/** The grammar sentence by sentence, and where chunks go, against the pure half alone. */
import assert from 'node:assert/strict';
import { type Hunk, type PatchSyntaxError, parsePatch, printPatch } from '@agentbox/apply-patch';
import type { RequirementId } from '../requirements/manifest.ts';
import { verifies } from '../requirements/verifies.ts';
import { place, type Tree, wrap } from './sandbox-tree.ts';

function hunks(text: string): readonly Hunk[] {
  const parsed = parsePatch(text);
  assert.equal(parsed.kind, 'patch', JSON.stringify(parsed));
  return parsed.kind === 'patch' ? parsed.patch.hunks : [];
}

function refused(text: string): PatchSyntaxError {
  const parsed = parsePatch(text);
  assert.equal(parsed.kind, 'invalid', JSON.stringify(parsed));
  return parsed.kind === 'invalid' ? parsed.error : { line: null, message: '' };
}

const HEADERS =
  "is not a valid hunk header. Valid hunk headers: '*** Add File: {path}', '*** Delete File: {path}', '*** Update File: {path}'";
const SIGNS = "Every line should start with ' ' (context line), '+' (added line), or '-' (removed line)";
const FIRST = "The first line of the patch must be '*** Begin Patch'";
const LAST = "The last line of the patch must be '*** End Patch'";
const UPDATE = '*** Update File: f';

const REFUSALS: readonly (readonly [RequirementId, string, string, number | null, string])[] = [
  ['patch.grammar.markers', 'nothing', '', null, LAST],
  ['patch.grammar.markers', 'one marker', '*** Begin Patch', null, LAST],
  ['patch.grammar.markers', 'lower case', '*** begin patch\n*** End Patch', null, FIRST],
  ['patch.grammar.markers', 'no space', '***Begin Patch\n*** End Patch', null, FIRST],
  ['patch.grammar.markers', 'no end', `*** Begin Patch\n${UPDATE}\n@@\n-a`, null, LAST],
  ['patch.grammar.markers', 'an unknown header', wrap('*** Rename File: f'), 2, `'*** Rename File: f' ${HEADERS}`],
  ['patch.grammar.markers', 'an empty path', wrap('*** Add File: '), 2, `'*** Add File:' ${HEADERS}`],
  [
    'patch.grammar.markers',
    'text after the end',
    wrap('*** Delete File: f', '*** End Patch', '*** Delete File: g'),
    null,
    LAST,
  ],
  ['patch.grammar.add', 'a line without +', wrap('*** Add File: n', '+x', 'y'), 4, `'y' ${HEADERS}`],
  ['patch.grammar.add', 'a blank line', wrap('*** Add File: n', '+x', '', '+y'), 4, `'' ${HEADERS}`],
  [
    'patch.grammar.markers',
    'a blank line after a delete',
    wrap('*** Delete File: n', '', '*** Delete File: m'),
    3,
    `'' ${HEADERS}`,
  ],
  ['patch.grammar.update', 'no chunk', wrap(UPDATE), 2, "Update file hunk for path 'f' is empty"],
  [
    'patch.grammar.update',
    'no chunk before another',
    wrap('*** Delete File: d', UPDATE, '*** Delete File: g'),
    3,
    "Update file hunk for path 'f' is empty",
  ],
  ['patch.grammar.update', 'an empty chunk', wrap(UPDATE, '@@'), 4, 'Update hunk does not contain any lines'],
  [
    'patch.grammar.update',
    'an empty chunk before a header',
    wrap(UPDATE, '@@', '*** Delete File: g'),
    4,
    `Unexpected line found in update hunk: '*** Delete File: g'. ${SIGNS}`,
  ],
  [
    'patch.grammar.update',
    'a line without sign first',
    wrap(UPDATE, '@@', 'a'),
    4,
    `Unexpected line found in update hunk: 'a'. ${SIGNS}`,
  ],
  [
    'patch.grammar.update',
    'a line without sign later',
    wrap(UPDATE, '@@', ' a', 'b'),
    5,
    "Expected update hunk to start with a @@ context marker, got: 'b'",
  ],
  [
    'patch.grammar.update',
    '@@ without space',
    wrap(UPDATE, '@@a', '-a'),
    3,
    `Unexpected line found in update hunk: '@@a'. ${SIGNS}`,
  ],
  [
    'patch.grammar.update',
    'a tab is no sign',
    wrap(UPDATE, '@@', '\ta'),
    4,
    `Unexpected line found in update hunk: '\ta'. ${SIGNS}`,
  ],
  ['patch.grammar.move', 'no chunk', wrap(UPDATE, '*** Move to: g'), 2, "Update file hunk for path 'f' is empty"],
  [
    'patch.grammar.move',
    'twice',
    wrap(UPDATE, '*** Move to: g', '*** Move to: h', '@@', '-a'),
    4,
    `Unexpected line found in update hunk: '*** Move to: h'. ${SIGNS}`,
  ],
  [
    'patch.grammar.move',
    'after a chunk',
    wrap(UPDATE, '@@', '-a', '*** Move to: h'),
    5,
    "Expected update hunk to start with a @@ context marker, got: '*** Move to: h'",
  ],
  [
    'patch.grammar.end-of-file',
    'in an empty chunk',
    wrap(UPDATE, '@@', '*** End of File'),
    4,
    'Update hunk does not contain any lines',
  ],
  [
    'patch.grammar.end-of-file',
    'a line after it',
    wrap(UPDATE, '@@', '-a', '*** End of File', '-b'),
    6,
    "Expected update hunk to start with a @@ context marker, got: '-b'",
  ],
  [
    'patch.grammar.environment',
    'empty',
    wrap('*** Environment ID:   ', UPDATE, '-a'),
    null,
    'apply_patch environment_id cannot be empty',
  ],
  [
    'patch.grammar.environment',
    'twice',
    wrap('*** Environment ID: a', '*** Environment ID: b'),
    null,
    'apply_patch environment_id cannot be specified more than once',
  ],
  [
    'patch.grammar.environment',
    'not on the second line',
    wrap('*** Delete File: f', '*** Environment ID: a'),
    3,
    `'*** Environment ID: a' ${HEADERS}`,
  ],
  ['patch.grammar.heredoc', 'without an end marker', `<<EOF\n*** Begin Patch\n${UPDATE}\nEOF`, null, LAST],
  ['patch.grammar.heredoc', 'too short', '<<EOF\n*** Begin Patch\nEOF', null, FIRST],
];

for (const [id, cell, text, line, message] of REFUSALS) {
  verifies(id, () => assert.deepEqual(refused(text), { line, message }), { cell });
}

const update = (chunk: Partial<Extract<Hunk, { kind: 'update' }>>): Hunk => {
  return { kind: 'update', path: 'f', moveTo: null, chunks: [], line: 2, ...chunk };
};
const removeA = { contexts: [], lines: [{ sign: '-' as const, text: 'a' }], endOfFile: false, line: 3 };

const ACCEPTED: readonly (readonly [RequirementId, string, string, readonly Hunk[]])[] = [
  [
    'patch.grammar.markers',
    'padded and between blank lines',
    '\n \n  *** Begin Patch \n*** Delete File: f\n *** End Patch  \n\n',
    [{ kind: 'delete', path: 'f', line: 2 }],
  ],
  [
    'patch.grammar.markers',
    'with CRLF',
    wrap('*** Delete File: f').replaceAll('\n', '\r\n'),
    [{ kind: 'delete', path: 'f', line: 2 }],
  ],
  [
    'patch.grammar.markers',
    'a padded header',
    wrap('   *** Delete File: f  '),
    [{ kind: 'delete', path: 'f', line: 2 }],
  ],
  ['patch.grammar.markers', 'no hunks', wrap(), []],
  ['patch.grammar.add', 'no lines', wrap('*** Add File: n'), [{ kind: 'add', path: 'n', content: '', line: 2 }]],
  [
    'patch.grammar.add',
    'a path with white space around it',
    wrap('*** Add File: \t n m  '),
    [{ kind: 'add', path: 'n m', content: '', line: 2 }],
  ],
  [
    'patch.grammar.add',
    'lines that look like markers',
    wrap('*** Add File: n', '+*** End Patch', '+@@', '++', '+'),
    [{ kind: 'add', path: 'n', content: '*** End Patch\n@@\n+\n\n', line: 2 }],
  ],
  [
    'patch.grammar.add',
    'a carriage return of its own',
    '*** Begin Patch\n*** Add File: n\n+x\r\r\n*** End Patch',
    [{ kind: 'add', path: 'n', content: 'x\r\n', line: 2 }],
  ],
  ['patch.grammar.update', 'without @@', wrap(UPDATE, '-a'), [update({ chunks: [removeA] })]],
  [
    'patch.grammar.update',
    'an empty line is an empty kept line',
    wrap(UPDATE, '', '-a'),
    [update({ chunks: [{ ...removeA, lines: [{ sign: ' ', text: '' }, ...removeA.lines] }] })],
  ],
  [
    'patch.grammar.update',
    'a context',
    wrap(UPDATE, '@@  def f():  ', '-a'),
    [update({ chunks: [{ ...removeA, contexts: [' def f():'] }] })],
  ],
  [
    'patch.grammar.update',
    'an indented header is content',
    wrap(UPDATE, '-a', ' *** Delete File: g'),
    [update({ chunks: [{ ...removeA, lines: [...removeA.lines, { sign: ' ', text: '*** Delete File: g' }] }] })],
  ],
  [
    'patch.grammar.move',
    'once',
    wrap(UPDATE, '*** Move to: g h', '@@', '-a'),
    [update({ moveTo: 'g h', chunks: [{ ...removeA, line: 4 }] })],
  ],
  [
    'patch.grammar.end-of-file',
    'with blank lines after it',
    wrap(UPDATE, '@@', '-a', '*** End of File', '', '@@', '-a'),
    [
      update({
        chunks: [
          { ...removeA, endOfFile: true },
          { ...removeA, line: 7 },
        ],
      }),
    ],
  ],
  [
    'patch.grammar.environment',
    'padded',
    wrap(' *** Environment ID: local ', '*** Delete File: f'),
    [{ kind: 'delete', path: 'f', line: 3 }],
  ],
  ...["<<'EOF'", '<<"EOF"', '<<EOF'].map((word) => {
    const hunk: Hunk = { kind: 'delete', path: 'f', line: 2 };
    return ['patch.grammar.heredoc', word, `${word}\n${wrap('*** Delete File: f')}EOF\n`, [hunk]] as const;
  }),
];

for (const [id, cell, text, expected] of ACCEPTED) {
  verifies(id, () => assert.deepEqual(hunks(text), expected), { cell });
}

verifies('patch.grammar.print', () => {
  for (const [, , text] of ACCEPTED) {
    const first = parsePatch(text);
    assert.equal(first.kind, 'patch');
    if (first.kind !== 'patch') continue;
    const printed = printPatch(first.patch);
    const second = parsePatch(printed);
    assert.equal(second.kind, 'patch');
    assert.equal(second.kind === 'patch' && printPatch(second.patch), printed);
  }
});

interface Update {
  readonly id: RequirementId;
  readonly cell: string;
  readonly file: string;
  readonly lines: readonly string[];
  /** null: refused */
  readonly after: string | null;
}

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

const UPDATES: readonly Update[] = [
  {
    id: 'patch.seek.levels',
    cell: 'exact before trailing space',
    file: 'a \na\n',
    lines: ['-a', '+X'],
    after: 'a \nX\n',
  },
  {
    id: 'patch.seek.levels',
    cell: 'trailing space before both ends',
    file: ' a\na \n',
    lines: ['-a', '+X'],
    after: ' a\nX\n',
  },
  {
    id: 'patch.seek.levels',
    cell: 'both ends before typography',
    file: utf8('a–b\n  a-b\n'),
    lines: ['-a-b', '+X'],
    after: utf8('a–b\nX\n'),
  },
  {
    id: 'patch.seek.levels',
    cell: 'typography in the patch',
    file: 'a-b "c"\n',
    lines: ['-a—b “c”', '+X'],
    after: 'X\n',
  },
  { id: 'patch.seek.levels', cell: 'every dash', file: utf8('‐‑‒–—―−\n'), lines: ['--------', '+X'], after: 'X\n' },
  {
    id: 'patch.seek.levels',
    cell: 'every quotation mark',
    file: utf8('‘’‚‛“”„‟\n'),
    lines: [`-''''""""`, '+X'],
    after: 'X\n',
  },
  {
    id: 'patch.seek.levels',
    cell: 'every space',
    file: utf8('a\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000b\n'),
    lines: [`-a${' '.repeat(13)}b`, '+X'],
    after: 'X\n',
  },
  {
    id: 'patch.seek.levels',
    cell: 'one level for all lines of a chunk',
    file: utf8('  a\n  b–c\n'),
    lines: [' a', '-b-c', '+X'],
    after: utf8('  a\nX\n'),
  },
  { id: 'patch.seek.levels', cell: 'letters are not folded', file: 'Hello\n', lines: ['-hello', '+X'], after: null },
  {
    id: 'patch.seek.forward',
    cell: 'the second of two after the first',
    file: 'x\nx\nx\n',
    lines: ['@@', '-x', '+1', '@@', '-x', '+2'],
    after: '1\n2\nx\n',
  },
  {
    id: 'patch.seek.forward',
    cell: 'after the context line, not on it',
    file: 'x\nx\n',
    lines: ['@@ x', '-x', '+y'],
    after: 'x\ny\n',
  },
  {
    id: 'patch.seek.forward',
    cell: 'a chunk longer than the file',
    file: 'a\n',
    lines: [' a', ' b', '-c', '+C'],
    after: null,
  },
  { id: 'patch.seek.trailing-empty', cell: 'kept', file: 'a\nb\n', lines: [' a', '-b', '+B', ''], after: 'a\nB\n' },
  { id: 'patch.seek.trailing-empty', cell: 'removed', file: 'a\nb\n', lines: ['-b', '-', '+B'], after: 'a\nB\n' },
  {
    id: 'patch.seek.trailing-empty',
    cell: 'there when it matches',
    file: 'a\n\nb\n',
    lines: ['-a', '-'],
    after: 'b\n',
  },
  {
    id: 'patch.grammar.end-of-file',
    cell: 'the last of two',
    file: 'x\na\nx\n',
    lines: ['-x', '+y', '*** End of File'],
    after: 'x\na\ny\n',
  },
  {
    id: 'patch.grammar.end-of-file',
    cell: 'added lines alone',
    file: 'a\nb',
    lines: ['+c', '*** End of File'],
    after: 'a\nb\nc\n',
  },
  {
    id: 'patch.grammar.end-of-file',
    cell: 'added lines alone after a blank end',
    file: 'a\n\n',
    lines: ['+c'],
    after: 'a\n\nc\n',
  },
  {
    id: 'patch.write.line-ends',
    cell: 'CRLF inserted',
    file: 'a\r\nb\r\n',
    lines: [' a', '+x', ' b'],
    after: 'a\r\nx\r\nb\r\n',
  },
  {
    id: 'patch.write.line-ends',
    cell: 'the first line end decides',
    file: 'a\nb\r\nc\r\n',
    lines: ['-c', '+C'],
    after: 'a\nb\r\nC\n',
  },
  {
    id: 'patch.write.line-ends',
    cell: 'CRLF without final line end',
    file: 'a\r\nb',
    lines: ['-a', '+A'],
    after: 'A\r\nb\r\n',
  },
  { id: 'patch.write.line-ends', cell: 'one line without any', file: 'a', lines: ['-a', '+A'], after: 'A\n' },
  {
    id: 'patch.write.line-ends',
    cell: 'a lone CR is content',
    file: 'a\rb\nc\n',
    lines: ['-c', '+C'],
    after: 'a\rb\nC\n',
  },
  {
    id: 'patch.write.line-ends',
    cell: 'two CRs before LF',
    file: 'a\r\r\nb\n',
    lines: ['-b', '+B'],
    after: 'a\r\r\nB\r\n',
  },
  { id: 'patch.write.line-ends', cell: 'everything removed', file: 'a\r\nb', lines: ['-a', '-b'], after: '' },
  {
    id: 'patch.write.line-ends',
    cell: 'kept lines keep their spaces',
    file: 'a  \n\tb\n',
    lines: [' a', '-b', '+B'],
    after: 'a  \nB\n',
  },
  { id: 'patch.write.line-ends', cell: 'an empty file', file: '', lines: ['+a'], after: 'a\n' },
  { id: 'patch.write.line-ends', cell: 'NUL bytes stay', file: 'a\0\nb\n', lines: ['-b', '+B'], after: 'a\0\nB\n' },
];

for (const one of UPDATES) {
  verifies(
    one.id,
    async () => {
      const input: Tree = { f: one.file };
      await using at = await place(input);
      const reply = await at.update('f', ...(one.lines[0]?.startsWith('@@') === true ? [] : ['@@']), ...one.lines);
      assert.equal(reply.exitCode, one.after === null ? 1 : 0, reply.stderr);
      assert.deepEqual({ ...(await at.tree()) }, { f: one.after ?? one.file });
    },
    { cell: one.cell },
  );
}
