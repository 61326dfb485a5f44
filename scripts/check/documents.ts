/** Generated documents are current, and what documents promise about themselves holds. */
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { configurationPages } from './configuration.ts';
import { withGenerated } from './generated.ts';
import { lawDiagram } from './law-diagram.ts';

const README_WORDS = 900;
const FIRST_COMMAND_LINE = 12;
const AGENTS_WORDS = 1200;

const Law = z.object({ MAY_IMPORT: z.record(z.string(), z.array(z.string())) });
const Codes = z.object({ ERROR_CODES: z.array(z.string()), HINT: z.record(z.string(), z.string()) });

export async function checkDocuments(root: string, write: boolean): Promise<readonly string[]> {
  const found = await Promise.all([
    architecture(root, write),
    errorPage(root),
    readme(root),
    agentsPage(root),
    configurationPages(root, write),
  ]);
  return found.flat();
}

async function architecture(root: string, write: boolean): Promise<readonly string[]> {
  const path = join(root, 'ARCHITECTURE.md');
  const law = Law.parse(createRequire(import.meta.url)(join(root, 'law.cjs')));
  const text = await readFile(path, 'utf8');
  const wanted = withGenerated(text, 'law', lawDiagram(law.MAY_IMPORT));
  if (wanted === null) return ['ARCHITECTURE.md: the marks of the generated diagram are missing'];
  if (wanted === text) return [];
  if (write) {
    await writeFile(path, wanted);
    return [];
  }
  return ['ARCHITECTURE.md: the diagram is not that of law.cjs: run `npm run check -- --write`'];
}

async function errorPage(root: string): Promise<readonly string[]> {
  const module: unknown = await import(pathToFileURL(join(root, 'packages/protocol/src/errors.ts')).href);
  const { ERROR_CODES, HINT } = Codes.parse(module);
  const text = await readFile(join(root, 'docs/errors.md'), 'utf8');
  const headings = [...text.matchAll(/^## (\w+)$/gm)].map((match) => match[1] ?? '');
  return [
    ...ERROR_CODES.filter((code) => !headings.includes(code)).map((code) => `docs/errors.md has no heading ${code}`),
    ...headings.filter((code) => !ERROR_CODES.includes(code)).map((code) => `docs/errors.md: stale heading ${code}`),
    ...ERROR_CODES.filter((code) => !text.includes(HINT[code] ?? '')).map(
      (code) => `docs/errors.md: ${code} lacks its hint`,
    ),
  ];
}

async function readme(root: string): Promise<readonly string[]> {
  const text = await readFile(join(root, 'README.md'), 'utf8');
  const words = text.split(/\s+/).filter((word) => /\w/.test(word)).length;
  const firstCommand = text.split('\n').findIndex((line) => line.startsWith('```')) + 2;
  return [
    ...(words > README_WORDS ? [`README.md has ${words} words, at most ${README_WORDS}`] : []),
    ...(firstCommand > FIRST_COMMAND_LINE ? [`README.md: first command at line ${firstCommand}`] : []),
  ];
}

async function agentsPage(root: string): Promise<readonly string[]> {
  const text = await readFile(join(root, 'AGENTS.md'), 'utf8').catch(() => '');
  const words = text.split(/\s+/).length;
  return words > AGENTS_WORDS ? [`AGENTS.md has ${words} words, at most ${AGENTS_WORDS}`] : [];
}
