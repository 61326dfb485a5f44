/** Tries the chosen cases one after the other on one site. A fault of a case is its verdict, not the end of the run. */
import { type AttackCase, broken, type CaseResult, groupOf, summaryOf, type Try, verdictOf } from './attack-case.ts';
import type { InstallSource } from './place/install.ts';
import { openSite, type Site } from './place/site.ts';

export interface RunOptions {
  readonly attacks: readonly AttackCase[];
  readonly source: InstallSource;
  /** leaves the temporary folder as it is, for a look at it */
  readonly keep: boolean;
  /** ends the run: what was made is taken away at once */
  readonly signal: AbortSignal;
  readonly ended: (result: CaseResult) => void;
}

export interface RunResult {
  readonly results: readonly CaseResult[];
  readonly base: string;
}

export async function runAttacks(options: RunOptions): Promise<RunResult> {
  const site = await openSite(options.source);
  const onAbort = (): void => void site.close();
  options.signal.addEventListener('abort', onAbort);
  if (options.signal.aborted) onAbort();
  const results: CaseResult[] = [];
  try {
    for (const attack of options.attacks) {
      if (options.signal.aborted) break;
      const result = await tryAttack(site, attack);
      if (options.signal.aborted) break;
      results.push(result);
      options.ended(result);
    }
  } finally {
    await site.close({ keep: options.keep && !options.signal.aborted });
    options.signal.removeEventListener('abort', onAbort);
  }
  return { results, base: site.base };
}

async function tryAttack(site: Site, attack: AttackCase): Promise<CaseResult> {
  const began = performance.now();
  const tries = await attempted(site, attack);
  const verdict = verdictOf(tries);
  const { id, title, oracle, mend } = attack;
  const tookMs = Math.round(performance.now() - began);
  return { id, group: groupOf(id), title, oracle, mend, verdict, text: summaryOf(tries, verdict), tries, tookMs };
}

async function attempted(site: Site, attack: AttackCase): Promise<readonly Try[]> {
  try {
    return await attack.attempt(site);
  } catch (fault) {
    return [broken('the attempt', fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault))];
  }
}
