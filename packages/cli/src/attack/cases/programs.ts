/** Group G: a program that a rule forbids, started in every way that is known. Its output proves that it ran. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AttackCase, broken, held, inapplicable, leaked, type Try } from '../attack-case.ts';
import { shortOf } from '../attempts.ts';
import { FORBIDDEN } from '../place/install.ts';
import { NUMBER, type Site } from '../place/site.ts';
import { VECTORS, type Vector } from './vectors.ts';

const TITLES: Readonly<Record<string, string>> = {
  G57: 'start a forbidden program by its path',
  G58: 'start it by $(...) and backticks',
  G59: 'start it by quotes, globs and ${IFS}',
  G60: 'start it by newline, ;, &, a heredoc',
  G61: 'start it by /proc/self/root and a path',
  G62: 'start a copy with another name',
  G63: 'start it by a symbolic or hard link',
  G64: 'start it by descriptor or from memory',
  G65: 'start it by the loader',
  G66: 'start it from an interpreter or a tool',
  G67: 'start it by a variable, or preload an allowed program',
  G68: 'start it without the C library',
  G69: 'start it by another name, a planted program, a swap',
};

export const programs: readonly AttackCase[] = Object.entries(VECTORS).map(([id, vectors]) => ({
  id,
  title: TITLES[id] ?? id,
  oracle: 'the output that only this program prints, or a file outside',
  mend: 'run with `box.profile = "workspace"`: rules are asked for at every program that starts',
  attempt: (site) => tryVectors(site, id, vectors),
}));

/** Each one through a pipe and on a terminal. */
async function tryVectors(site: Site, id: string, vectors: readonly Vector[]): Promise<readonly Try[]> {
  // Where nothing runs at all, nothing forbidden runs either, and that proves nothing.
  const alive = await site.client().shell('echo alive');
  if (!alive.output.includes('alive')) return [broken('a harmless command', `it did not run: ${shortOf(alive)}`)];
  const tries: Try[] = [];
  for (const [at, vector] of vectors.entries())
    for (const tty of [false, true]) tries.push(await tryVector(site, vector, `${id}-${at}`, tty));
  return tries;
}

/** One vector in a folder of its own, so that no vector meets what another one left. */
async function tryVector(site: Site, vector: Vector, label: string, tty: boolean): Promise<Try> {
  const { needs = [] } = vector;
  const name = tty ? `${vector.name} on a terminal` : vector.name;
  const at = tty ? `${label}-t` : label;
  if (site.forbidden === null) return inapplicable(name, `this machine has no ${FORBIDDEN}`);
  const missing = needs.filter((tool) => !site.tools.has(tool));
  if (missing.length > 0) return inapplicable(name, `needs ${missing.join(', ')} inside`);
  const mark = join(site.base, 'beside', `mark-${at}`);
  const { path, printed } = site.forbidden;
  const command = filled(vector.cmd, path, mark);
  const folder = `v-${at}`;
  const cmd = `mkdir -p ${folder} && cd ${folder} && { [ -e probe ] || ln -s ../probe probe; } && { ${command}\n}; echo TRIED-$?`;
  const answer = await site.client().shell(cmd, { tty, patienceMs: 15_000 });
  const didRun = vector.oracle === 'mark' ? existsSync(mark) : answer.output.includes(printed);
  if (didRun) return ranTry(site, vector, name);
  return answer.status === 0 ? broken(name, 'no answer came') : held(name, 'it did not run');
}

function filled(template: string, path: string, mark: string): string {
  const values: Readonly<Record<string, string>> = {
    F: path,
    P: FORBIDDEN,
    D: dirname(path),
    N: NUMBER,
    M: mark,
  };
  return template.replaceAll(/%([FPDNM])/g, (_, letter: string) => values[letter] ?? '');
}

/** Names are not identities: who wants copies refused says so. */
function ranTry(site: Site, vector: Vector, name: string): Try {
  if (vector.kind !== 'copy' || site.noExecFromWritable) return leaked(name, 'it ran');
  return { name, verdict: 'reported', text: 'a copy ran: rules by name do not know it' };
}
