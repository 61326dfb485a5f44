/** Skills as the extension and as resources, from the library of the product. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { verifies } from '../../requirements/verifies.ts';
import { useGround } from './ground.ts';
import { at, type Endpoint, errorOf, modern, openSession, resultOf } from './raw-client.ts';

const ground = useGround();
const URI = 'skill://trip-planner/SKILL.md';

const read = async (to: Endpoint, uri: unknown) => {
  const { contents } = resultOf(await modern(to, 'resources/read', { uri }));
  return at(Array.isArray(contents) ? contents[0] : undefined);
};

verifies('door.skills.served', async () => {
  const { skills } = resultOf(await modern(ground().me, 'skills/list'));
  assert.ok(Array.isArray(skills));
  const entry = at(skills.find((skill) => at(skill)['uri'] === URI));
  assert.deepEqual(at(resultOf(await modern(ground().me, 'skills/get', { uri: URI })), 'skill'), entry);
  assert.ok(Array.isArray(entry['resources']) && entry['resources'].length === 2);
  for (const file of entry['resources'].map((one) => at(one))) {
    const text = String((await read(ground().me, file['uri']))['text']);
    assert.equal(file['digest'], `sha256:${createHash('sha256').update(text).digest('hex')}`);
    assert.equal(file['size'], Buffer.byteLength(text));
  }
  const session = await openSession(ground().me);
  const old = resultOf(await session.request('skills/list'));
  assert.deepEqual(old['skills'], skills);
  assert.ok(!('ttlMs' in old));
  await session.end();
});

verifies(
  'door.skills.served',
  async () => {
    const children = async (uri: string) =>
      resultOf(await modern(ground().me, 'resources/directory/read', { uri }))['resources'];
    const root = await children('skill://trip-planner');
    assert.ok(Array.isArray(root));
    const folder = at(root.find((child) => at(child)['mimeType'] === 'inode/directory'));
    const below = await children(String(folder['uri']));
    assert.deepEqual(Array.isArray(below) && below.map((child) => at(child)['name']), ['lines.md']);
    const file = await modern(ground().me, 'resources/directory/read', { uri: URI });
    assert.equal(errorOf(file)['code'], -32_602);
  },
  { cell: 'folders' },
);

verifies('door.skills.scope', async () => {
  assert.deepEqual(resultOf(await modern(ground().other, 'skills/list'))['skills'], []);
  assert.equal(errorOf(await modern(ground().other, 'skills/get', { uri: URI }))['code'], -32_602);
  assert.equal(errorOf(await modern(ground().other, 'resources/read', { uri: URI }))['code'], -32_602);
  const { resources } = resultOf(await modern(ground().other, 'resources/list'));
  assert.ok(!JSON.stringify(resources).includes('skill://'));
});
