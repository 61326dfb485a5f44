/** Begins what tries the machine, where a sandbox is asked for: on the host nothing of it is loaded. */
import type { MachineMeans } from '@agentbox/protocol';
import type { Config } from '../config/schema.ts';

export async function meansFor(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): Promise<MachineMeans | null> {
  if (config.box.profile === 'host') return null;
  const { findMeans } = await import('./machine-means.ts');
  return findMeans(config, env);
}
