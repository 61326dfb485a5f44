/** docs/agentbox.schema.json and the table of docs/configuration.md say what the configuration schema says. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configJsonSchema, configurationTable } from '@agentbox/server';
import { withGenerated } from './generated.ts';

const FIX = 'run `npm run check -- --write`';

export async function configurationPages(root: string, write: boolean): Promise<readonly string[]> {
  const page = join(root, 'docs', 'configuration.md');
  const text = await readFile(page, 'utf8');
  const table = withGenerated(text, 'settings', configurationTable());
  if (table === null) return ['docs/configuration.md: the marks of the generated table are missing'];
  const schema = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  const stale = [
    ...(await settle(page, table, write)),
    ...(await settle(join(root, 'docs', 'agentbox.schema.json'), schema, write)),
  ];
  return stale.map((file) => `${file}: is not what the configuration schema says: ${FIX}`);
}

/** The file when it differs and may not be written. */
async function settle(file: string, wanted: string, write: boolean): Promise<readonly string[]> {
  if ((await readFile(file, 'utf8').catch(() => '')) === wanted) return [];
  if (!write) return [file];
  await writeFile(file, wanted);
  return [];
}
