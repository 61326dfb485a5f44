/** What a sandbox needs to be right before anything starts; on the host nothing of it is loaded. */
import type { MachineMeans } from '@agentbox/protocol';
import type { Config } from '../config/schema.ts';
import type { Place, StartOptions } from './place.ts';
import type { Grounds } from './sandbox-places.ts';

export interface Settled {
  readonly config: Config;
  /** null: commands run on the host */
  readonly means: MachineMeans | null;
}

export async function settleSandbox({ config, paths, env, dist }: Place & StartOptions): Promise<Settled> {
  if (config.box.profile === 'host') return { config, means: null };
  const settled = await settledPlaces({ config, home: paths.home, dist });
  const { findMeans } = await import('./machine-means.ts');
  return { config: settled, means: await findMeans(settled, env) };
}

/** Throws CONFIG_INVALID for a place that must not be given to a sandbox. */
export async function settledPlaces(grounds: Grounds): Promise<Config> {
  const { settlePlaces } = await import('./sandbox-places.ts');
  return settlePlaces(grounds);
}
