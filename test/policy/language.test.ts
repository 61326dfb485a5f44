/** Errors with their places, what is left out of the language, and every bound. */
import assert from 'node:assert/strict';
import { BOUNDS, loadRules } from '@agentbox/execpolicy';
import { verifies } from '../requirements/verifies.ts';
import { policyOf, problemOf } from './rules-of.ts';

const PLACES: readonly (readonly [text: string, at: string, message: RegExp, hint: RegExp])[] = [
  ['x = 1\n  y = 2', '2:1', /indented without reason/u, /line with :/u],
  ['x = "a\n', '1:5', /no end/u, /quote/u],
  ['\tx = 1', '1:1', /a tab/u, /spaces/u],
  ['prefix_rule(["a"]', '1:18', /end of line|end of file/u, /\)/u],
  ['prefix_rul(["a"])', '1:1', /`prefix_rul` is not known/u, /`prefix_rule`/u],
  ['x = 1\ny = [1, 2][x + 5]', '2:5', /no element 6/u, /first one is 0/u],
  ['def f(a):\n    return a + 1\n\nf("x")', '2:12', /string and a int/u, /str\(x\)/u],
  ['prefix_rule(["a"], desision = "allow")', '1:1', /no parameter `desision`/u, /decision/u],
  ['\n\nprefix_rule(\n  ["a"], "deny")', '3:1', /"deny"/u, /"forbidden"/u],
  ['f"{1 + }"', '1:9', /value belongs/u, /a value is/u],
  ['for x in [1]:\npass', '2:1', /indented block/u, /indent what/u],
  ['x = $', '1:5', /`\$` means nothing/u, /quotes/u],
  ['x = "\\ud800"', '1:6', /names no character/u, /\\\\/u],
  ['[1,2].appendd(3)', '1:1', /no method `appendd`/u, /policy\.md/u],
  ['fail("not here", 7)', '1:1', /not here 7/u, /refuses/u],
];

for (const [text, at, message, hint] of PLACES) {
  verifies(
    'policy.errors.place-and-hint',
    () => {
      const problem = problemOf(text);
      assert.equal(`${problem.line}:${problem.column}`, at, problem.message);
      assert.match(problem.message, message);
      assert.match(problem.hint, hint);
      assert.equal(problem.file, 'a.rules');
    },
    { cell: JSON.stringify(text) },
  );
}

verifies('policy.language.no-surprises', () => {
  for (const text of [
    'load("a", "b")',
    'x = 1.5',
    'x = 1e3',
    'x = 3 / 2',
    'x: int = 1',
    'def f(a: str): pass',
    'def f() -> int: pass',
    'b"x"',
    'x = ...',
    'print(1)',
    'set([1])',
    'while True: pass',
    'import os',
    'x = [].__class__',
    '"".constructor',
    '{}.__proto__',
    'getattr("", "x")',
  ])
    problemOf(text);
});

const { syntaxDepth, treeDepth, callDepth, valueDepth, numberBits } = BOUNDS;
const nested = (open: string, depth: number, close: string): string =>
  `x = ${open.repeat(depth)}1${close.repeat(depth)}`;
const BOUNDARIES: readonly (readonly [cell: string, within: string, beyond: string, message: RegExp])[] = [
  ['characters', `#${'x'.repeat(BOUNDS.fileChars - 1)}`, `#${'x'.repeat(BOUNDS.fileChars)}`, /characters/u],
  ['brackets', nested('[', syntaxDepth - 1, ']'), nested('[', syntaxDepth, ']'), /levels inside/u],
  ['operators', `x = 1${' + 1'.repeat(treeDepth - 2)}`, `x = 1${' + 1'.repeat(treeDepth)}`, /levels/u],
  ['steps', 'for i in range(100000): pass', 'for i in range(2000000): pass', /steps|elements/u],
  [
    'nested loops',
    'for i in range(300):\n  for j in range(300): pass',
    'for i in range(3000):\n  for j in range(3000): pass',
    /steps|elements/u,
  ],
  ['long text', `x = "a" * ${BOUNDS.cells - 100}`, `x = "a" * ${BOUNDS.cells + 1}`, /elements/u],
  ['doubled text', 'x = "a"\nfor i in range(21): x += x', 'x = "a"\nfor i in range(60): x += x', /elements/u],
  ['doubled list', 'x = [1]\nfor i in range(20): x = x + x', 'x = [1]\nfor i in range(60): x += x', /elements/u],
  ['range', 'x = list(range(1000))', 'x = list(range(1 << 90))', /elements/u],
  ['text of a value', 'x = [1] * 100\ny = str([x] * 100)', 'x = [1] * 10000\ny = str([x] * 10000)', /elements|steps/u],
  [
    'calls',
    `def f(n): return 0 if n == 0 else f(n - 1)\nf(${callDepth - 1})`,
    `def f(n): return 0 if n == 0 else f(n - 1)\nf(${callDepth})`,
    /calls/u,
  ],
  [
    'values in values',
    `x = []\nfor i in range(${valueDepth - 2}): x = [x]\nstr(x)`,
    `x = []\nfor i in range(${valueDepth + 2}): x = [x]\nstr(x)`,
    /levels/u,
  ],
  [
    'compared values',
    'x = [1]\ny = [1]\nx == y',
    `x = []\ny = []\nfor i in range(${valueDepth + 2}):\n  x = [x]\n  y = [y]\nx == y`,
    /levels/u,
  ],
  ['numbers', `x = 1 << ${numberBits - 2}`, `x = 1 << ${numberBits}`, /bits/u],
  [
    'rules',
    `[prefix_rule(["a"]) for i in range(${BOUNDS.rules})]`,
    `[prefix_rule(["a"]) for i in range(${BOUNDS.rules + 1})]`,
    /rules/u,
  ],
  [
    'examples',
    `prefix_rule(["a"], match = ["a"] * ${BOUNDS.examples})`,
    `prefix_rule(["a"], match = ["a"] * ${BOUNDS.examples + 1})`,
    /examples/u,
  ],
];

for (const [cell, within, beyond, message] of BOUNDARIES) {
  verifies(
    'policy.bounds',
    () => {
      policyOf(within);
      assert.match(problemOf(beyond).message, message);
    },
    { cell },
  );
}

verifies(
  'policy.bounds',
  () => {
    const hostile = [
      '('.repeat(100_000),
      '['.repeat(100_000),
      'f"{'.repeat(50_000),
      `x = ${'-'.repeat(100_000)}1`,
      `x = ${'not '.repeat(50_000)}1`,
      `x = ${'a.b().'.repeat(50_000)}c`,
      `x = ${'1 if 1 else '.repeat(50_000)}1`,
      `${'if 1:\n'.repeat(1)}${Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth + 1)}if 1:\n`).join('')}`,
      `if 1: pass\n${'elif 1: pass\n'.repeat(20_000)}`,
      `x = ${'lambda: '.repeat(20_000)}1`,
      `x = [1${' for i in [1]'.repeat(5000)}]`,
      'x = []\nx.append(x)\nx == [x]\nstr(x)\nx < x\n{(1,): x}',
      'def f(): return [f() for i in [1]]\nf()',
      'x = sorted(range(100000), key = lambda v: -v)',
      `x = 9${'9'.repeat(900)}\nfor i in range(50): x = x * x`,
      'int("9" * 100000)',
      '"a" * (1 << 80)',
    ];
    for (const text of hostile) {
      const before = performance.now();
      loadRules([{ name: 'a', layer: 'user', text }]);
      assert.ok(performance.now() - before < 20_000, text.slice(0, 60));
    }
  },
  { cell: 'hostile files end, and never by a stack that runs over' },
);
