/**
 * All files to one policy, again and again. A file that cannot be read keeps the rules it had: nothing becomes looser
 * by a mistake. One that never could be read forbids everything, because nobody knows what it would have forbidden.
 */
import type { RulesProblem } from '../problem.ts';
import { NOWHERE, type Place } from './paths.ts';
import { buildPolicy, type Policy } from './policy.ts';
import { type ReadResult, type RuleSource, readRules } from './read.ts';
import { type HostExecutable, LAYERS, type RuleFile } from './rule.ts';

export type LoadResult =
  | { readonly kind: 'loaded'; readonly policy: Policy }
  | { readonly kind: 'refused'; readonly problem: RulesProblem };

/** All or nothing, in the order given: what a command that checks files wants. */
export function loadRules(sources: readonly RuleSource[], place: Place = NOWHERE): LoadResult {
  const files: RuleFile[] = [];
  for (const source of sources) {
    const result = readRules(source, place, executablesOf(files));
    if (result.kind === 'broken') return { kind: 'refused', problem: result.problem };
    files.push(result.file);
  }
  return { kind: 'loaded', policy: buildPolicy(files) };
}

const executablesOf = (files: readonly RuleFile[]): readonly HostExecutable[] =>
  files.flatMap(({ hostExecutables }) => hostExecutables);

export interface LayeredSource extends RuleSource {
  /** a project's files count only when its folder is trusted; the others always are */
  readonly isTrusted: boolean;
  /** why the file has no text that may be used; it then counts as broken */
  readonly unusable?: RulesProblem;
}

export interface Reloaded {
  readonly policy: Policy;
  readonly problems: readonly RulesProblem[];
  /** files that were left out because their project is not trusted */
  readonly untrusted: readonly string[];
}

/** `previous` is the policy in force, null at the start. Team before user before project, by name within a layer. */
export function reloadRules(
  previous: Policy | null,
  sources: readonly LayeredSource[],
  place: Place = NOWHERE,
): Reloaded {
  const counted = sources.filter(({ layer, isTrusted }) => layer !== 'project' || isTrusted);
  const files: RuleFile[] = [];
  const unreadable: { readonly name: string; readonly layer: RuleFile['layer'] }[] = [];
  const problems: RulesProblem[] = [];
  for (const source of counted.toSorted(byPlace)) {
    const result: ReadResult =
      source.unusable === undefined
        ? readRules(source, place, executablesOf(files))
        : { kind: 'broken', problem: source.unusable, file: null };
    if (result.kind === 'broken') problems.push(result.problem);
    const file = standing(result, previous, source);
    if (file !== null) files.push(file);
    else unreadable.push({ name: source.name, layer: source.layer });
  }
  const untrusted = sources.filter((source) => !counted.includes(source)).map(({ name }) => name);
  return { policy: buildPolicy(files, unreadable), problems, untrusted };
}

/** What stands for a file: what it says now, or what it said when it last could be read. */
function standing(result: ReadResult, previous: Policy | null, { name, layer }: RuleSource): RuleFile | null {
  if (result.kind === 'read') return result.file;
  return previous?.files.find((file) => file.name === name && file.layer === layer) ?? null;
}

function byPlace(left: RuleSource, right: RuleSource): number {
  const order = LAYERS.indexOf(left.layer) - LAYERS.indexOf(right.layer);
  if (order !== 0) return order;
  return left.name < right.name ? -1 : Number(left.name > right.name);
}
