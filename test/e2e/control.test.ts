/** The control socket at its bounds: it serves the owner of the home and gives nobody more than it should. */
import assert from 'node:assert/strict';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { Home, until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';

async function connected(path: string): Promise<Socket> {
  const socket = createConnection(path);
  await new Promise<void>((resolve, reject) => void socket.once('connect', () => resolve()).once('error', reject));
  return socket.on('error', () => undefined);
}

async function answersOf(socket: Socket, count: number): Promise<readonly string[]> {
  let text = '';
  socket.on('data', (part: Buffer) => {
    text += part.toString('utf8');
  });
  await until('it answers', () => text.split('\n').length > count || socket.destroyed);
  return text.trimEnd().split('\n');
}

verifies('cli.control.bounded', async () => {
  await using home = new Home();
  await home.up();
  const path = join(home.path, 'control.sock');
  const malformed = await connected(path);
  malformed.write('nonsense\n{"op":"last-audit","count":1}\n{"op":"read-audit","from":-1,"limit":1}\n');
  const [first = '', second = '', third = ''] = await answersOf(malformed, 3);
  assert.match(first, /MALFORMED_REQUEST/);
  assert.match(second, /^\{"ok":\[\{/, 'what comes after it is answered, in order');
  assert.match(third, /MALFORMED_REQUEST/);
  malformed.destroy();
  const long = await connected(path);
  long.write('x'.repeat(20_000));
  await until('a long request ends the connection', () => long.destroyed);
  const held = await Promise.all(Array.from({ length: 16 }, () => connected(path)));
  const late = createConnection(path).on('error', () => undefined);
  await until('one too many is closed', () => late.destroyed);
  for (const socket of held) socket.destroy();
  await until('there is room again', async () => (await home.run(['logs', '-n', '1'])).code === 0);
});
