/** The skills extension (SEP-2640) and the same files as plain resources, for callers with the scope `skills`. */
import { Emitter, type Signal } from '@agentbox/base';
import type { Principal, ResourceProvider, SkillLibrary } from '@agentbox/control-plane';
import type { Result } from '@modelcontextprotocol/server';
import type { DoorLimits } from './limits.ts';
import { assertNoCursor, directoryParams, invalidParams, listParams, parseParams, uriParams } from './params.ts';
import { buildSkillIndex, readSkillFile, type SkillIndex } from './skill-index.ts';
import type { Turn } from './turn.ts';

export const SKILLS_EXTENSION = 'io.modelcontextprotocol/skills';

export interface DoorSkills extends Disposable {
  readonly resources: ResourceProvider;
  list(params: unknown, turn: Turn): Result;
  get(params: unknown, turn: Turn): Result;
  readDirectory(params: unknown, turn: Turn): Result;
}

export function createDoorSkills(library: SkillLibrary, limits: DoorLimits): DoorSkills {
  const changed = new Emitter<string>();
  let index = buildSkillIndex(library.list());
  const nothing = buildSkillIndex([]);
  const unsubscribe = library.changed.subscribe(() => {
    index = buildSkillIndex(library.list());
    changed.emit('skill:');
  });
  const visible = (caller: Principal): SkillIndex => (caller.scopes.has('skills') ? index : nothing);
  const of = (turn: Turn): SkillIndex => visible(turn.caller.principal);
  const cache = (turn: Turn) => (turn.era === 'modern' ? { ttlMs: limits.listTtlMs, cacheScope: 'private' } : {});

  return {
    resources: skillResources(library, visible, changed),
    list(params, turn) {
      assertNoCursor(parseParams(listParams, params).cursor);
      return { skills: of(turn).entries, ...cache(turn) };
    },
    get(params, turn) {
      const { uri } = parseParams(uriParams, params);
      const skill = of(turn).entry(uri);
      if (skill === undefined) throw invalidParams('No skill is served at this URI.', { uri });
      return { skill, ...cache(turn) };
    },
    readDirectory(params, turn) {
      const { uri, cursor } = parseParams(directoryParams, params);
      assertNoCursor(cursor);
      const resources = of(turn).children(uri);
      if (resources === undefined) throw invalidParams('This URI is not a directory.', { uri });
      return { resources, ...cache(turn) };
    },
    [Symbol.dispose]: unsubscribe,
  };
}

/** The manifests as a list, and every file to read. */
function skillResources(
  library: SkillLibrary,
  visible: (caller: Principal) => SkillIndex,
  changed: Signal<string>,
): ResourceProvider {
  return {
    scheme: 'skill',
    changed,
    list: async (caller) => visible(caller).manifests,
    async read(uri, caller) {
      const file = visible(caller).file(uri);
      const contents = file === undefined ? undefined : await readSkillFile(library, file, uri);
      return contents === undefined ? null : [contents];
    },
    templates: () => [
      {
        uriTemplate: 'skill://{name}/{+path}',
        name: 'skill-file',
        title: 'File of a skill',
        description: 'A file in the folder of a skill; SKILL.md holds the instructions.',
        mimeType: null,
      },
    ],
  };
}
