/** Facts of programs as the guard gives them, and rules in force without a disk, for tests. */
import { type LayeredSource, reloadRules } from '@agentbox/execpolicy';
import type { ExecFacts, ImageKind } from '@agentbox/protocol';
import { decide, type RulesInForce } from '../../packages/boxd/src/policy/decide.ts';
import type { Unmatched, Verdict } from '../../packages/boxd/src/policy/index.ts';

export interface Shape {
  /** names before the file itself */
  readonly via?: readonly string[];
  readonly kind?: ImageKind;
  readonly interpreters?: readonly {
    readonly path: string;
    readonly writable: boolean;
    readonly written?: string;
    readonly argument?: string;
  }[];
}

/** What the sandbox may write in these tests. */
const isWritable = (path: string): boolean => path.startsWith('/work/') || path.startsWith('/tmp/');

export function facts(file: string, argv: readonly string[], shape: Shape = {}): ExecFacts {
  const names = [...(shape.via ?? []), file].map((path) => ({ path, writable: isWritable(path) }));
  const image = { kind: shape.kind ?? 'file', device: 1, inode: 2, size: 3 };
  return { file, names, argv, cwd: '/work', image, interpreters: shape.interpreters ?? [], pid: 7 };
}

export function inForce(text: string, more: Partial<RulesInForce> = {}): RulesInForce {
  const source: LayeredSource = { name: '/r/a.rules', layer: 'user', text, isTrusted: true };
  const { policy } = reloadRules(null, [source]);
  return { policy, suspendedBy: null, unmatched: 'run', home: '/home/a', ...more };
}

export function judge(text: string, program: ExecFacts, unmatched: Unmatched = 'run', strict = false): Verdict {
  return decide(inForce(text, { unmatched }), program, { noExecFromWritable: strict });
}
