/**
 * Follows what a configuration of git leads to in a writable directory: the files that it includes, and the scripts
 * that it has git run. They stand like the configuration itself.
 */
import path from 'node:path';
import type { GuardCollector } from './collect-guard.ts';
import { type ConfigEntry, configEntries, includesOf, programsOf, textOf } from './git-config.ts';
import { lookAt } from './look.ts';

/** As git itself: deeper is an error there. */
const DEEPEST_INCLUDE = 10;
const MOST_INCLUDES = 64;

/** All settings of the file and of what it includes. */
export function guardIncluded(to: GuardCollector, file: string, realHome: string): readonly ConfigEntry[] {
  const seen = new Set<string>();
  const read = (at: string, depth: number): readonly ConfigEntry[] => {
    if (seen.has(at) || seen.size > MOST_INCLUDES || depth > DEEPEST_INCLUDE) return [];
    seen.add(at);
    const entries = configEntries(textOf(at));
    const included = includesOf(entries).flatMap((named) => {
      const target = path.resolve(path.dirname(at), named.replace(/^~(?=\/)/, realHome));
      to.wayTo(target);
      return read(target, depth + 1);
    });
    return [...entries, ...included];
  };
  return read(file, 0);
}

/** Only scripts that are there and named by a path: what else a command line does is up to whoever wrote it. */
export function guardNamedPrograms(to: GuardCollector, entries: readonly ConfigEntry[], worktree: string): void {
  for (const { key, value } of programsOf(entries)) {
    const word = value.replace(/^!\s*/, '').split(/\s/)[0] ?? '';
    if (key === 'core.hookspath' || !word.includes('/')) continue;
    const at = path.resolve(worktree, word);
    const stats = lookAt(at);
    if (stats !== undefined && stats !== 'blocked' && stats.isFile()) to.wayTo(at);
  }
}
