/** Every requirement has a test that cites it, and no test cites an unknown one. */
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { readSources } from './files.ts';

const Manifest = z.record(z.string(), z.object({ text: z.string().min(10) }));
const CITATION = /\bverifies\(\s*['"`]([^'"`$]+)['"`]/g;
/** In a table of cells the id stands as a string by itself, and the loop below the table passes it to `verifies`. */
const LITERAL = /['"]([a-z0-9]+(?:[.-][a-z0-9]+)+)['"]/g;
const ID_SHAPE = /^[a-z0-9]+(?:[.-][a-z0-9]+)+$/;

export async function checkRequirements(root: string): Promise<readonly string[]> {
  const module: Record<string, unknown> = await import(pathToFileURL(`${root}/test/requirements/manifest.ts`).href);
  const known = new Set(Object.keys(Manifest.parse(module['manifest'])));
  const cited = new Map<string, string>();
  for (const file of await readSources(root, /^test\/(?!requirements\/).*\.ts$/)) {
    for (const match of file.text.matchAll(CITATION)) cited.set(match[1] ?? '', file.path);
    for (const match of file.text.matchAll(LITERAL))
      if (known.has(match[1] ?? '')) cited.set(match[1] ?? '', file.path);
  }
  return [
    ...[...known].filter((id) => !cited.has(id)).map((id) => `requirement "${id}" has no test`),
    ...[...cited].filter(([id]) => !known.has(id)).map(([id, path]) => `${path} cites the unknown requirement "${id}"`),
    ...[...known]
      .filter((id) => !ID_SHAPE.test(id))
      .map((id) => `requirement id "${id}" is not area.words-with-hyphens`),
  ];
}
