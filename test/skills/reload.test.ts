/** A library that follows its folders, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineSkillLibrary } from '../../packages/providers/src/machine/skills/index.ts';
import { verifies } from '../requirements/verifies.ts';
import { eventually, openFolders } from './folders.ts';

const ROOT = 'home/.codex/skills';
const names = (library: MachineSkillLibrary): string =>
  library
    .list()
    .map((skill) => skill.name)
    .join();

async function reaches(library: MachineSkillLibrary, expected: string): Promise<void> {
  await eventually(() => names(library) === expected);
  assert.equal(names(library), expected);
}

verifies('skills.reload.hot', async () => {
  await using folders = await openFolders();
  await using library = await folders.library();
  assert.equal(names(library), '');
  const file = await folders.skill(`${ROOT}/a`, 'description: first');
  await reaches(library, 'a');
  await folders.skill(`${ROOT}/group/deep/b`, 'description: second');
  await reaches(library, 'a,b');
  await writeFile(file, '---\nname: renamed\ndescription: changed\n---\n');
  await reaches(library, 'renamed,b');
  await folders.put(`${ROOT}/a/references/new.md`, 'text');
  await eventually(() => library.find('renamed')?.files.length === 2);
  assert.equal(library.find('renamed')?.files.length, 2);
  await rename(join(folders.path, ROOT), join(folders.path, 'home/.codex/away'));
  await reaches(library, '');
  await folders.skill(`${ROOT}/c`, 'description: in a new folder of the old name');
  await reaches(library, 'c');
  await rm(join(folders.path, 'home/.codex'), { recursive: true });
  await reaches(library, '');
});

verifies('skills.reload.blind', async () => {
  await using folders = await openFolders();
  await folders.skill(`${ROOT}/a`, 'description: first');
  await using library = await folders.library({ maxWatchers: 0, pollMs: 10 });
  assert.deepEqual(library.watchers, { open: 0, complete: false });
  await folders.skill(`${ROOT}/b`, 'description: second');
  await reaches(library, 'a,b');
});

verifies('skills.reload.quiet', async () => {
  await using folders = await openFolders();
  await folders.skill(`${ROOT}/a`, 'description: first');
  await using library = await folders.library({ debounceMs: 200 });
  let announced = 0;
  const end = library.changed.subscribe(() => void (announced += 1));
  await folders.put(`${ROOT}/notes.txt`, 'no skill');
  await folders.put(`${ROOT}/a/.swp`, 'an editor');
  await library.rescan();
  assert.equal(announced, 0);
  await Promise.all(Array.from({ length: 20 }, (_, index) => folders.skill(`${ROOT}/n${index}`, 'description: new')));
  await eventually(() => library.list().length === 21);
  assert.equal(library.list().length, 21);
  await eventually(() => announced > 0);
  assert.ok(announced >= 1 && announced <= 3, `${announced} announcements`);
  end();
});

verifies('skills.dispose.clean', async () => {
  await using folders = await openFolders();
  await folders.skill(`${ROOT}/a`, 'description: first');
  const held = (): number =>
    process.getActiveResourcesInfo().filter((name) => /FSEvent|Timeout|FSReq/.test(name)).length;
  const before = held();
  for (let round = 0; round < 5; round += 1) {
    const library = await folders.library();
    assert.ok(library.watchers.open > 0);
    await folders.skill(`${ROOT}/n${round}`, 'description: a change that waits');
    await new Promise((resolve) => setTimeout(resolve, 5));
    const scanning = library.rescan();
    await library[Symbol.asyncDispose]();
    await scanning;
    assert.equal(library.watchers.open, 0);
  }
  await eventually(() => held() <= before);
  assert.ok(held() <= before);
});
