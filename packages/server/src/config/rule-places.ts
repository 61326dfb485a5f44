/** Where rules are read from: the one list that the box is told, that the doctor shows and that checks ask. */
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { PolicySettings } from '@agentbox/protocol';
import type { Config } from './schema.ts';

export type RulePlaces = Pick<PolicySettings, 'sources' | 'amendFile'>;

/** Lowest precedence first: of the team, of Codex, of agentbox, and of a project that the operator trusts. */
export function rulePlaces(
  { box, policy }: Pick<Config, 'box' | 'policy'>,
  home: string,
  env: Readonly<Record<string, string | undefined>>,
): RulePlaces {
  const codexHome = env['CODEX_HOME'] ?? join(homedir(), '.codex');
  const own = join(home, 'rules');
  const workspace = box.workspace === null ? null : canonical(box.workspace);
  const project = policy.trusted_projects.map(canonical).find((one) => one === workspace) ?? null;
  const ofProject = project === null ? [] : ['.codex', '.agentbox'].map((name) => join(project, name, 'rules'));
  return {
    sources: [
      { directory: '/etc/agentbox/rules', layer: 'team' },
      { directory: join(codexHome, 'rules'), layer: 'user' },
      { directory: own, layer: 'user' },
      ...ofProject.map((directory) => ({ directory, layer: 'project' as const })),
    ],
    amendFile: join(own, 'default.rules'),
  };
}

const canonical = (path: string): string => (existsSync(path) ? realpathSync.native(path) : path);
