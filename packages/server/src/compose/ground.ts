/**
 * What takes longest to stand, begun before the rest of the product is loaded: the database, in a thread of its own, and
 * the box, in a process of its own. Few modules are imported here, so that both begin at once.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type DaemonOptions, type RunningDaemon, startBoxDaemon } from '@agentbox/boxd-client';
import type { ReportFault } from '@agentbox/control-plane';
import type { MachineMeans } from '@agentbox/protocol';
import { type OpenedStores, openStores } from '@agentbox/storage';
import type { Config } from '../config/schema.ts';
import type { HomePaths } from '../lifecycle/home.ts';
import { endBox } from './stop-all.ts';

export interface CoreOptions {
  readonly paths: HomePaths;
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** the directory of the bundle: boxd and the storage worker are started from it */
  readonly dist: string;
  /** null: commands run on the host */
  readonly means: MachineMeans | null;
  readonly clock: () => number;
  readonly reportFault: ReportFault;
}

export interface Ground extends AsyncDisposable {
  readonly stores: OpenedStores;
  readonly daemon: RunningDaemon;
  /** from here on the box outlives this process; until then a start that fails leaves no box that it started */
  keepBox(): void;
}

export async function layGround(options: CoreOptions): Promise<Ground> {
  const { paths, dist, clock } = options;
  await using stack = new AsyncDisposableStack();
  const workerEntry = pathToFileURL(join(dist, 'storage-worker.mjs'));
  const opening = openStores({ kind: 'sqlite', path: paths.database, workerEntry, clock });
  const starting = startBoxDaemon(daemonOptions(options));
  // Whichever fails first, the other one is waited for and ended as well.
  const [stores, daemon] = await Promise.allSettled([opening, starting]);
  if (stores.status === 'fulfilled') stack.use(stores.value);
  let isKept = false;
  stack.defer(async () => {
    if (!isKept && daemon.status === 'fulfilled' && daemon.value.started) await endBox(paths.home, daemon.value.pid);
  });
  const ground = { stores: await opening, daemon: await starting, keepBox: () => void (isKept = true) };
  const kept = stack.move();
  return { ...ground, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

export function daemonOptions({ paths, config, env, dist }: CoreOptions): DaemonOptions {
  const cache = getCompileCacheDir();
  const most = config.exec.max_sessions;
  return {
    home: paths.home,
    entry: [process.execPath, join(dist, 'boxd.mjs'), ...(most === null ? [] : ['--max-sessions', String(most)])],
    environment: cache === undefined ? env : { ...env, NODE_COMPILE_CACHE: dirname(cache) },
  };
}
