/** A throw-away machine for skills: a workspace, a home, and a library over them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  createSkillLibrary,
  type MachineSkillLibrary,
  type SkillLibrarySettings,
  skillRoots,
} from '../../packages/providers/src/machine/skills/index.ts';

export interface Folders extends AsyncDisposable {
  readonly path: string;
  readonly workspace: string;
  readonly home: string;
  /** path relative to the folder of all */
  put(path: string, text: string | Uint8Array): Promise<string>;
  skill(folder: string, frontMatter: string, body?: string): Promise<string>;
  library(settings?: Partial<SkillLibrarySettings>): Promise<MachineSkillLibrary>;
}

export async function openFolders(): Promise<Folders> {
  const path = await mkdtemp(join(tmpdir(), 'agentbox-skills-'));
  const places = { workspace: join(path, 'workspace'), home: join(path, 'home'), codexHome: null, configured: [] };
  await mkdir(places.workspace);
  await mkdir(places.home);
  const put = async (name: string, text: string | Uint8Array): Promise<string> => {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
    return join(path, name);
  };
  return {
    path,
    workspace: places.workspace,
    home: places.home,
    put,
    skill: (folder, frontMatter, body = 'Do it.\n') => put(`${folder}/SKILL.md`, `---\n${frontMatter}\n---\n${body}`),
    library: (settings = {}) =>
      createSkillLibrary({
        roots: skillRoots(places).filter((root) => root.path.startsWith(path)),
        debounceMs: 20,
        ...settings,
      }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** Waits until `holds`, a few seconds at most; the assertion that follows says what was missing. */
export async function eventually(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
}
