/** One patch to a small tree with what it must leave and say; the tables of the rows in which we differ are made of these. */
import assert from 'node:assert/strict';
import type { RequirementId } from '../requirements/manifest.ts';
import { verifies } from '../requirements/verifies.ts';
import { place, type Tree, wrap } from './sandbox-tree.ts';

export interface Cell {
  readonly id: RequirementId;
  readonly cell: string;
  readonly input: Tree;
  readonly patch: string;
  readonly strict?: boolean;
  readonly clobber?: boolean;
  readonly rc: number;
  /** null: as before */
  readonly tree: Tree | null;
  /** in stdout or stderr */
  readonly says?: RegExp;
}

export const ABC = { 'f.txt': 'a\nb\nc\n' };
export const up = (path: string, ...lines: readonly string[]): string => wrap(`*** Update File: ${path}`, ...lines);
export const utf8 = (text: string): string => Buffer.from(text).toString('latin1');
export const A_TO_B = ['@@', '-a', '+A'];
export const METHODS =
  'class A:\n  def m(self):\n    x=1\nclass B:\n  def n(self):\n    x=1\n  def m(self):\n    x=1\n';

export function verifyCells(cells: readonly Cell[]): void {
  for (const one of cells) {
    verifies(
      one.id,
      async () => {
        await using at = await place(one.input);
        const options = { strict: one.strict ?? false, clobber: one.clobber ?? true };
        const reply = await at.patch(one.patch, options);
        const said = reply.stdout + reply.stderr;
        assert.equal(reply.exitCode, one.rc, said);
        assert.equal(reply.failure === null, one.rc === 0);
        assert.deepEqual({ ...(await at.tree()) }, { ...(one.tree ?? one.input) });
        if (one.says !== undefined) assert.match(said, one.says);
        if (one.rc === 0) assert.match(reply.stdout, /^Success\. Updated the following files:\n/u);
      },
      { cell: one.cell },
    );
  }
}
