/** Each gate is proven red on a planted violation, and green on the tree as it stands. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { RequirementId } from '../requirements/manifest.ts';
import { verifies } from '../requirements/verifies.ts';
import { type Planted, plantedCopy } from './planted.ts';

interface Cell {
  readonly cell: string;
  readonly id: RequirementId;
  readonly step: string;
  readonly path: string;
  readonly edit: (text: string) => string;
  /** what the gate must say */
  readonly says: RegExp;
}

const append = (line: string) => (text: string) => `${text}${line}\n`;
const prepend = (line: string) => (text: string) => `${line}\n${text}`;
/** Made of parts: written out, it would stand here as a citation. */
const PLANTED = ['house', 'planted'].join('.');
const PURE_FILE = 'packages/apply-patch/src/planted.ts';

const CELLS: readonly Cell[] = [
  {
    cell: 'control-plane imports storage',
    id: 'house.gate.law',
    step: 'law',
    path: 'packages/control-plane/src/planted.ts',
    edit: prepend("import '@agentbox/storage';"),
    says: /room-control-plane|declared-only/,
  },
  {
    cell: 'a room is entered beside its index',
    id: 'house.gate.law',
    step: 'law',
    path: 'packages/storage/src/planted.ts',
    edit: prepend("import '../../protocol/src/errors.ts';"),
    says: /door-protocol/,
  },
  {
    cell: 'the server imports boxd itself',
    id: 'house.gate.law',
    step: 'law',
    path: 'packages/server/src/planted.ts',
    edit: prepend("import '../../boxd/src/index.ts';"),
    says: /room-server/,
  },
  {
    cell: 'a cycle',
    id: 'house.gate.law',
    step: 'law',
    path: 'packages/base/src/unreachable.ts',
    edit: prepend("import './index.ts';"),
    says: /no-cycles/,
  },
  {
    cell: 'a product file imports a test',
    id: 'house.gate.law',
    step: 'law',
    path: 'packages/base/src/planted.ts',
    edit: prepend("import '../../../test/requirements/manifest.ts';"),
    says: /tests-are-leaves/,
  },
  {
    cell: 'an undeclared package',
    id: 'house.gate.law',
    step: 'law',
    path: 'packages/base/src/planted.ts',
    edit: prepend("import 'zod';"),
    says: /declared-only/,
  },
  {
    cell: 'a file, by the law',
    id: 'house.gate.pure',
    step: 'law',
    path: PURE_FILE,
    edit: prepend("import 'node:fs';"),
    says: /pure/,
  },
  {
    cell: 'a file, by the types',
    id: 'house.gate.pure',
    step: 'types:apply-patch',
    path: PURE_FILE,
    edit: prepend("import 'node:fs';"),
    says: /node:fs/,
  },
  {
    cell: 'a timer',
    id: 'house.gate.pure',
    step: 'types:apply-patch',
    path: PURE_FILE,
    edit: prepend('setTimeout(() => undefined, 1);\nexport {};'),
    says: /setTimeout/,
  },
  {
    cell: 'a clock',
    id: 'house.gate.pure',
    step: 'lint',
    path: PURE_FILE,
    edit: prepend('export const now = (): number => Date.now();'),
    says: /Date/,
  },
  {
    cell: 'an unchecked index',
    id: 'house.gate.types',
    step: 'types',
    path: 'packages/base/src/planted.ts',
    edit: prepend('export const first = (list: readonly string[]): string => list[0];'),
    says: /TS2322/,
  },
  {
    cell: 'any',
    id: 'house.gate.types',
    step: 'lint',
    path: 'packages/base/src/planted.ts',
    edit: prepend('export const loose = (value: any): unknown => value;'),
    says: /no-explicit-any/,
  },
  {
    cell: 'a non-null assertion',
    id: 'house.gate.types',
    step: 'lint',
    path: 'packages/base/src/planted.ts',
    edit: prepend('export const sure = (list: readonly string[]): string => list[0]!;'),
    says: /no-non-null-assertion/,
  },
  {
    cell: 'a floating promise',
    id: 'house.gate.lint',
    step: 'lint',
    path: 'packages/base/src/planted.ts',
    edit: prepend('export function start(work: () => Promise<void>): void {\n  work();\n}'),
    says: /no-floating-promises/,
  },
  {
    cell: 'a default export',
    id: 'house.gate.lint',
    step: 'lint',
    path: 'packages/base/src/planted.ts',
    edit: prepend('export default 1;'),
    says: /no-default-export/,
  },
  {
    cell: 'node-pty',
    id: 'house.gate.lint',
    step: 'lint',
    path: 'packages/base/src/planted.ts',
    edit: prepend("import { spawn } from 'node-pty';\nexport const open = spawn;"),
    says: /leaks every open PTY master/,
  },
  {
    cell: 'a requirement without a test',
    id: 'house.gate.requirements',
    step: 'requirements',
    path: 'test/requirements/areas/house.ts',
    edit: (text) =>
      text.replace(
        'export const house = {',
        `export const house = {\n  '${PLANTED}': { text: 'nothing tests this one' },`,
      ),
    says: /"house\.planted" has no test/,
  },
  {
    cell: 'a test of an unknown requirement',
    id: 'house.gate.requirements',
    step: 'requirements',
    path: 'test/gates/planted.test.ts',
    edit: () => ['verifies', "('house.unknown-thing'", ', () => undefined);\n'].join(''),
    says: /unknown requirement "house\.unknown-thing"/,
  },
  {
    cell: 'an error code without a heading',
    id: 'house.gate.documents',
    step: 'documents',
    path: 'docs/errors.md',
    edit: (text) => text.replace('## INTERNAL', '## STALE_CODE'),
    says: /no heading INTERNAL[\s\S]*stale heading STALE_CODE/,
  },
  {
    cell: 'a stale diagram',
    id: 'house.gate.documents',
    step: 'documents',
    path: 'law.cjs',
    edit: (text) => text.replace('base: []', "base: ['protocol']"),
    says: /ARCHITECTURE\.md/,
  },
  {
    cell: 'a plain error',
    id: 'house.gate.style',
    step: 'style',
    path: 'packages/base/src/planted.ts',
    edit: prepend("export const fail = (): never => {\n  throw new Error('no code');\n};"),
    says: /plain error/,
  },
  {
    cell: 'a banned name',
    id: 'house.gate.style',
    step: 'style',
    path: 'packages/protocol/src/string-utils.ts',
    edit: () => 'export {};\n',
    says: /banned file ending/,
  },
  {
    cell: 'a history comment',
    id: 'house.gate.style',
    step: 'style',
    path: 'packages/base/src/planted.ts',
    edit: prepend('/** This is no longer needed. */'),
    says: /tells history/,
  },
  {
    cell: 'an export that nobody uses',
    id: 'house.gate.dead-code',
    step: 'dead-code',
    path: 'packages/base/src/unreachable.ts',
    edit: append('export const nobody = 1;'),
    says: /nobody/,
  },
  {
    cell: 'a package that compiles at install',
    id: 'house.gate.install-scripts',
    step: 'install-scripts',
    path: 'package-lock.json',
    edit: (text) =>
      text.replace('"packages": {', '"packages": {\n    "node_modules/compiles": { "hasInstallScript": true },'),
    says: /node_modules\/compiles has an install script/,
  },
  {
    cell: 'a version beside the root',
    id: 'house.gate.versions',
    step: 'versions',
    path: 'packages/auth/package.json',
    edit: (text) => text.replace('"jose": "*"', '"jose": "^6.0.0"'),
    says: /the version of jose stands in the root only/,
  },
  {
    cell: 'a root dependency that serves no room',
    id: 'house.gate.versions',
    step: 'versions',
    path: 'package.json',
    edit: (text) => text.replace('"dependencies": {', '"dependencies": {\n    "left-pad": "1.3.0",'),
    says: /no room declares left-pad/,
  },
];

let copy: Planted;
before(async () => {
  copy = await plantedCopy(process.cwd());
});
after(async () => {
  await copy[Symbol.asyncDispose]();
});

for (const { cell, id, step, path, edit, says } of CELLS) {
  verifies(
    id,
    async () => {
      await copy.plant(path, edit);
      try {
        const { code, output } = await copy.check(step);
        assert.notEqual(code, 0, `the step ${step} stayed green:\n${output}`);
        assert.match(output, says);
      } finally {
        await copy.restore();
      }
    },
    { cell },
  );
}

verifies('house.gate.clean', async () => {
  const { code, output } = await copy.check('law');
  assert.equal(code, 0, output);
});
