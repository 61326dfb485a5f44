/** The places that the operator gives to the sandbox, judged as the start judges them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { type Config, type HomePaths, settledPlaces } from '@agentbox/server';
import type { Io } from '../io.ts';
import { causeOf, type Finding, fail, ok } from './finding.ts';
import type { ReadConfig } from './home-checks.ts';

export interface Placed {
  readonly findings: readonly Finding[];
  /** with links followed, as the start settles it */
  readonly config: Config;
}

/** A workspace that nobody named is made at the first start. */
export async function checkPlaces(
  { config, namesWorkspace }: ReadConfig,
  { home }: HomePaths,
  io: Io,
): Promise<Placed> {
  const { workspace } = config.box;
  if (config.box.profile === 'host' || workspace === null) return { findings: [], config };
  if (!namesWorkspace && !existsSync(workspace))
    return { findings: [ok('Workspace', `${workspace} (made at the first start)`)], config };
  try {
    const settled = await settledPlaces({ config, home, dist: join(io.root, 'dist') });
    return { findings: [ok('Workspace', settled.box.workspace ?? workspace)], config: settled };
  } catch (fault) {
    if (!(fault instanceof AgentboxError)) throw fault;
    const { fix } = fault.detail;
    return {
      findings: [fail('Workspace', causeOf(fault), typeof fix === 'string' ? fix : 'name another directory')],
      config,
    };
  }
}
