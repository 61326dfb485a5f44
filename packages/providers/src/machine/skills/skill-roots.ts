/** Where skills are looked for, nearest first: of two skills with one name, the first root's keeps it. */
import { isAbsolute, join, resolve } from 'node:path';

export interface SkillRoot {
  readonly path: string;
  /** tells two skills of one name apart: `pdf` and `pdf-home-claude` */
  readonly label: string;
}

export interface SkillPlaces {
  readonly workspace: string | null;
  readonly home: string;
  /** CODEX_HOME; null for ~/.codex */
  readonly codexHome: string | null;
  /** from the configuration, absolute or below the home; `~/` is the home */
  readonly configured: readonly string[];
}

const FOLDERS = ['agents', 'codex', 'claude'] as const;
const MACHINE_ROOT = '/opt/agentbox/skills';

export function skillRoots(places: SkillPlaces): readonly SkillRoot[] {
  const { workspace, home } = places;
  const ofWorkspace = workspace === null ? [] : FOLDERS.map((name) => inFolder(workspace, name, name));
  const ofHome = FOLDERS.map((name) =>
    name === 'codex' && places.codexHome !== null
      ? { path: resolve(places.codexHome, 'skills'), label: 'home-codex' }
      : inFolder(home, name, `home-${name}`),
  );
  const configured = places.configured.map((path, index) => ({
    path: isAbsolute(path) ? resolve(path) : resolve(home, path.replace(/^~\//, '')),
    label: `configured-${index + 1}`,
  }));
  const roots = [...ofWorkspace, ...ofHome, { path: MACHINE_ROOT, label: 'machine' }, ...configured];
  return roots.filter((root, index) => roots.findIndex((other) => other.path === root.path) === index);
}

function inFolder(parent: string, name: string, label: string): SkillRoot {
  return { path: resolve(join(parent, `.${name}`, 'skills')), label };
}
