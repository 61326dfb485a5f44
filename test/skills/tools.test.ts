/** What list_skills and load_skill answer. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  catalogText,
  type LoadedSkill,
  type LoadSkillRequest,
  listSkills,
  loadSkill,
  type MachineSkillLibrary,
} from '../../packages/providers/src/machine/skills/index.ts';
import { verifies } from '../requirements/verifies.ts';
import { type Folders, openFolders } from './folders.ts';

const ROOT = 'workspace/.agents/skills';
const CATALOG_BYTES = 22_528;

async function loaded(library: MachineSkillLibrary, request: LoadSkillRequest): Promise<LoadedSkill> {
  const outcome = await loadSkill(library, request);
  assert.equal(outcome.kind, 'loaded', JSON.stringify(outcome));
  assert.ok(outcome.kind === 'loaded');
  return outcome.skill;
}

async function refusal(library: MachineSkillLibrary, request: LoadSkillRequest): Promise<string> {
  const outcome = await loadSkill(library, request);
  assert.ok(outcome.kind === 'failed', JSON.stringify(outcome));
  return outcome.code;
}

verifies('skills.list.hidden', async () => {
  await using folders = await openFolders();
  await folders.skill(`${ROOT}/quiet`, 'description: only when named');
  await folders.put(`${ROOT}/quiet/agents/openai.yaml`, 'policy:\n  allow_implicit_invocation: false\n');
  await folders.skill(`${ROOT}/loud`, 'description: always');
  await folders.put(`${ROOT}/loud/agents/openai.yaml`, 'interface:\n  display_name: "Loud One"\npolicy: {}\n');
  await using library = await folders.library();
  assert.deepEqual(
    listSkills(library).skills.map((skill) => [skill.name, skill.title]),
    [['loud', 'Loud One']],
  );
  assert.equal((await loaded(library, { skill: 'quiet' })).content, 'Do it.\n');
});

verifies('skills.list.pages', async () => {
  await using folders = await openFolders();
  for (let index = 10; index < 35; index += 1) await folders.skill(`${ROOT}/s${index}`, 'description: one of many');
  await using library = await folders.library();
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page = listSkills(library, { limit: 10, cursor });
    assert.equal(page.total, 25 + (seen.length > 0 ? 1 : 0));
    seen.push(...page.skills.map((skill) => skill.name));
    cursor = page.next_cursor;
    if (seen.length === 10) {
      await folders.skill(`${ROOT}/s00-new`, 'description: came in between');
      await library.rescan();
    }
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, index) => `s${index + 10}`),
  );
  assert.equal(listSkills(library, { limit: 0 }).skills.length, 1);
  assert.equal(listSkills(library, { cursor: 'nonsense' }).skills.length, 26);
});

verifies(
  'skills.list.pages',
  async () => {
    await using folders = await openFolders();
    await folders.skill(`${ROOT}/a-report`, 'description: Makes a PDF from text');
    await folders.skill(`${ROOT}/pdf`, 'description: Reads documents');
    await folders.skill(`${ROOT}/pdf-forms`, 'description: Fills forms\ntags: [pdf]');
    await folders.skill(`${ROOT}/images`, 'description: Draws');
    await using library = await folders.library();
    const names = (query: string): readonly string[] =>
      listSkills(library, { query }).skills.map((skill) => skill.name);
    assert.deepEqual(names('PDF'), ['pdf', 'pdf-forms', 'a-report']);
    assert.deepEqual(names('pdf forms'), ['pdf-forms']);
    assert.deepEqual(names('pdf spaceship'), []);
    assert.equal(names('  ').length, 4);
    const bare = listSkills(library, { query: 'draws', includePaths: false });
    assert.deepEqual(bare.skills, [{ name: 'images', title: 'images', description: 'Draws', tags: [] }]);
    assert.equal(bare.skill_roots.length, 6);
  },
  { cell: 'ranked by the query' },
);

verifies('skills.list.problems', async () => {
  await using folders = await openFolders();
  await folders.skill(`${ROOT}/good`, 'description: good');
  const path = await folders.put(`${ROOT}/bad/SKILL.md`, 'no front matter');
  await using library = await folders.library();
  const page = listSkills(library);
  assert.deepEqual(page.problems, [{ path, problem: 'no front matter: the first line must be ---' }]);
  assert.equal(page.skills.length, 1);
});

verifies('skills.catalog.even', async () => {
  await using folders = await openFolders();
  for (let index = 100; index < 250; index += 1) {
    await folders.skill(`${ROOT}/skill-${index}`, `description: ${index === 120 ? 'short' : 'ä word '.repeat(50)}`);
  }
  await using library = await folders.library({ maxWatchers: 8 });
  const text = catalogText(library.list(), CATALOG_BYTES);
  assert.ok(Buffer.byteLength(text) <= CATALOG_BYTES && Buffer.byteLength(text) > CATALOG_BYTES * 0.9);
  const lines = text.trimEnd().split('\n');
  assert.equal(lines[0], `r1 = ${join(folders.path, ROOT)}`);
  assert.equal(lines.length, 151);
  assert.equal(lines[21], '- skill-120: short (file: r1/skill-120/SKILL.md)');
  const lengths = new Set(
    lines
      .slice(1)
      .filter((_, index) => index !== 20)
      .map((line) => line.length),
  );
  assert.equal(lengths.size, 1);
  assert.equal(catalogText(library.list(), 0).trimEnd().split('\n').length, 151);
  assert.match(catalogText(library.list().slice(0, 1), CATALOG_BYTES), /word$|word \(file/);
});

verifies('skills.load.complete', async () => {
  await using folders = await openFolders();
  const file = await folders.skill(
    `${ROOT}/pdf`,
    'name: pdf\ntitle: PDF\ndescription: Reads\ntags: [doc]',
    '# Steps\n1. Read\n',
  );
  await using library = await folders.library();
  const directory = join(folders.path, ROOT, 'pdf');
  for (const skill of ['pdf', 'PDF', ' pdf ', directory, `${directory}/`, file]) {
    assert.deepEqual(await loaded(library, { skill }), {
      name: 'pdf',
      title: 'PDF',
      description: 'Reads',
      tags: ['doc'],
      path: directory,
      instruction_file: file,
      file: 'SKILL.md',
      content: '# Steps\n1. Read\n',
      truncated: false,
      warnings: [],
      files: [{ path: 'SKILL.md', size: 76, mime_type: 'text/markdown' }],
    });
  }
});

verifies('skills.load.files', async () => {
  await using folders = await openFolders();
  await folders.skill(`${ROOT}/pdf`, 'description: Reads');
  await folders.put(`${ROOT}/pdf/scripts/run.py`, 'print(1)\n');
  await folders.put(`${ROOT}/pdf/references/€.md`, 'text €\n');
  await folders.put(`${ROOT}/pdf/assets/logo.png`, new Uint8Array([0x89, 0x50, 0, 1]));
  await folders.put(`${ROOT}/pdf/.git/config`, 'hidden');
  await using library = await folders.library();
  const files = library.find('pdf')?.files ?? [];
  assert.deepEqual(
    files.map((file) => [file.path, file.mimeType]),
    [
      ['SKILL.md', 'text/markdown'],
      ['assets/logo.png', 'image/png'],
      ['references/€.md', 'text/markdown'],
      ['scripts/run.py', 'text/x-python'],
    ],
  );
  assert.equal(files[3]?.sha256, createHash('sha256').update('print(1)\n').digest('hex'));
  assert.equal((await loaded(library, { skill: 'pdf', file: 'references/€.md' })).content, 'text €\n');
  const binary = await loaded(library, { skill: 'pdf', file: './assets/logo.png' });
  assert.deepEqual([binary.content, binary.warnings], ['', ['This file is not text; use it by its path.']]);
  assert.equal(await refusal(library, { skill: 'pdf', file: 'references/none.md' }), 'FILE_NOT_FOUND');
});

verifies(
  'skills.load.bounded',
  async () => {
    await using folders = await openFolders();
    await folders.skill(`${ROOT}/big`, 'description: big', '€'.repeat(30_000));
    await folders.skill(`${ROOT}/long`, 'description: long', 'word '.repeat(5000));
    await using library = await folders.library();
    const big = await loaded(library, { skill: 'big' });
    assert.equal(big.truncated, true);
    assert.match(big.content, /^€{21845}$/);
    assert.match(big.warnings[0] ?? '', /first 65536 bytes/);
    assert.match((await loaded(library, { skill: 'long' })).warnings[0] ?? '', /about 6250 tokens/);
    assert.match(
      library
        .problems()
        .map(({ problem }) => problem)
        .join('\n'),
      /only the first 65536.*\n.*5000 are recommended/,
    );
  },
  { cell: 'instructions' },
);

verifies(
  'skills.load.bounded',
  async () => {
    await using folders = await openFolders();
    await folders.skill(`${ROOT}/many`, 'description: many');
    for (let index = 0; index < 520; index += 1) await folders.put(`${ROOT}/many/f/${index}.txt`, 'x');
    await folders.skill(`${ROOT}/wide`, 'description: wide');
    for (let index = 0; index < 3; index += 1)
      await folders.put(`${ROOT}/wide/${index}.bin`, new Uint8Array(6 * 1024 * 1024));
    await using library = await folders.library();
    assert.equal(library.find('many')?.files.length, 512);
    assert.deepEqual(
      library.find('wide')?.files.map((file) => file.path),
      ['0.bin', '1.bin', 'SKILL.md'].slice(0, 2),
    );
    assert.equal(library.problems().filter(({ problem }) => problem.includes('over 512 files or 16 MiB')).length, 2);
  },
  { cell: 'files' },
);

async function withLinks(use: (folders: Folders, library: MachineSkillLibrary) => Promise<void>): Promise<void> {
  await using folders = await openFolders();
  const folder = join(folders.path, ROOT, 'pdf');
  await folders.skill(`${ROOT}/pdf`, 'description: Reads');
  await folders.put(`${ROOT}/pdf-secret/token`, 'secret');
  await folders.put(`${ROOT}/pdf/.env`, 'secret');
  await folders.put(`${ROOT}/pdf/real.md`, 'inside');
  await symlink('/etc/passwd', join(folder, 'passwd'));
  await symlink('/etc', join(folder, 'etc'));
  await symlink(join(folders.path, ROOT, 'pdf-secret/token'), join(folder, 'sibling'));
  await symlink('real.md', join(folder, 'alias.md'));
  await using library = await folders.library();
  await use(folders, library);
}

verifies('skills.load.jail', () =>
  withLinks(async (_, library) => {
    for (const file of [
      'passwd',
      'etc/passwd',
      'sibling',
      '../pdf-secret/token',
      '/etc/passwd',
      '.env',
      '..',
      '.',
      'a\0b',
      '../pdf/../x',
    ]) {
      assert.equal(await refusal(library, { skill: 'pdf', file }), 'SKILL_FILE_FORBIDDEN', file);
    }
    assert.deepEqual(
      library.find('pdf')?.files.map((file) => file.path),
      ['SKILL.md', 'alias.md', 'real.md'],
    );
    assert.equal((await loaded(library, { skill: 'pdf', file: 'alias.md' })).content, 'inside');
    const directory = library.find('pdf')?.directory ?? '';
    assert.equal((await loaded(library, { skill: 'pdf', file: `${directory}/real.md` })).content, 'inside');
  }),
);

verifies(
  'skills.load.jail',
  async () => {
    await using folders = await openFolders();
    const file = await folders.skill(`${ROOT}/pdf`, 'description: Reads');
    const pipe = join(folders.path, ROOT, 'pdf/pipe');
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    await using library = await folders.library();
    assert.equal(await refusal(library, { skill: 'pdf', file: 'pipe' }), 'SKILL_FILE_FORBIDDEN');
    await rm(file);
    await symlink('/etc/passwd', file);
    await library.rescan();
    assert.deepEqual(library.list(), []);
    assert.match(library.problems()[0]?.problem ?? '', /leads out of the folder/);
  },
  { cell: 'a pipe, and instructions that are a link' },
);

verifies('skills.load.near-names', async () => {
  await using folders = await openFolders();
  await folders.skill(`${ROOT}/pdf-forms`, 'description: Fills');
  await using library = await folders.library();
  const outcome = await loadSkill(library, { skill: 'pdf form filler' });
  assert.deepEqual(outcome, {
    kind: 'failed',
    code: 'SKILL_NOT_FOUND',
    message: 'there is no skill "pdf form filler"; near: pdf-forms',
    detail: { skill: 'pdf form filler', near: ['pdf-forms'] },
  });
  assert.equal(await refusal(library, { skill: '' }), 'SKILL_NOT_FOUND');
  assert.equal(await refusal(library, { skill: '/etc' }), 'SKILL_NOT_FOUND');
});
