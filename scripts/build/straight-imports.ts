/**
 * Lets each import of a room lead to the file that has the name, past the room's index.ts. The bundler cuts its chunks
 * by what a file can reach, and an index reaches everything: `agentbox --help` would load the whole server.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'esbuild';

const ROOMS: Readonly<Record<string, string>> = { '@agentbox/boxd-client': 'boxd/client' };
const IMPORT = /^import \{([^}]*)\} from '(@agentbox\/[a-z-]+)';$/gm;
const EXPORT = /^export (?:type )?\{([^}]*)\} from '(\.[^']+)';$/gm;

export function straightImports(root: string): Plugin {
  const indexes = new Map<string, ReadonlyMap<string, string>>();
  const placesOf = (room: string): ReadonlyMap<string, string> => {
    const known = indexes.get(room) ?? readIndex(root, room);
    indexes.set(room, known);
    return known;
  };
  return {
    name: 'straight-imports',
    setup: (build) => {
      build.onLoad({ filter: /\/packages\/.*\/src\/.*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        const contents = text.replaceAll(IMPORT, (whole: string, names: string, room: string) =>
          straightened(whole, namesIn(names), placesOf(room)),
        );
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** Types leave nothing in a bundle. */
function namesIn(list: string): readonly string[] {
  const names = list.split(',').map((name) => name.trim());
  return names.filter((name) => name !== '' && !name.startsWith('type '));
}

function readIndex(root: string, room: string): ReadonlyMap<string, string> {
  const folder = join(root, 'packages', ROOMS[room] ?? room.replace('@agentbox/', ''), 'src');
  return new Map(exportsOf(join(folder, 'index.ts')));
}

/** Follows an index of a folder as well. */
function exportsOf(index: string): readonly (readonly [name: string, file: string])[] {
  const text = readFileSync(index, 'utf8');
  return [...text.matchAll(EXPORT)].flatMap(([, list = '', path = '']) => {
    const file = join(dirname(index), path);
    const deeper = new Map(file.endsWith('/index.ts') ? exportsOf(file) : []);
    return namesIn(list).map((name) => [name, deeper.get(name) ?? file] as const);
  });
}

/** On one line, so that the lines of the file keep their numbers; a name that is not found leaves the import as it is. */
function straightened(whole: string, names: readonly string[], places: ReadonlyMap<string, string>): string {
  const lines = names.map((name) => {
    const file = places.get(name.split(' as ')[0] ?? name);
    return file === undefined ? undefined : `import { ${name} } from '${file}';`;
  });
  if (lines.includes(undefined)) return whole;
  return lines.join(' ') + '\n'.repeat(whole.split('\n').length - 1);
}
