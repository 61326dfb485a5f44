/** The predicate for files changed outside the sandbox, held against what the mounts of a launch really let through. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { mayRead, mayWrite } from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { CANARY, openBox, put, SECRET_FILES, unavailable } from './harness.ts';

const FILES = [
  'file',
  'src/deep/file',
  'lib/file',
  'lib/own/file',
  'closed/file',
  'closed/own/file',
  '.env',
  '.codex/rules/x.rules',
  '.agentbox/rules/x.rules',
  '.agents/skills/x',
  '.mcp.json',
  '.vscode/tasks.json',
  '.git/config',
  '.git/hooks/pre-commit',
  '.git/HEAD',
  '.git/modules/sub/HEAD',
  '.git/modules/sub/config',
  '.git/modules/sub/hooks/post-checkout',
  'sub/.codex/file',
  'sub/rep/.git/config',
  'sub/rep/.git/HEAD',
];

verifies(
  'sandbox.access.agrees',
  () => {
    using box = openBox();
    const at = (name: string): string => path.join(box.workspace, name);
    for (const name of FILES) put(at(name), CANARY);
    const places = {
      readable: [at('lib')],
      writable: [box.workspace, at('lib/own'), at('closed/own')],
      hidden: [...box.profile.hidden, at('closed'), at('.env')],
    };
    const outside = [
      ...SECRET_FILES.map((name) => path.join(box.realHome, name)),
      '/etc/shadow',
      path.join(box.base, 'other'),
    ];
    const every = [...FILES.map(at), ...outside];
    const script =
      'for f in "$@"; do (exec 3>>"$f") 2>/dev/null && echo "w $f"; grep -qs . "$f" && echo "r $f"; done; true';
    const quoted = every.map((one) => `'${one}'`).join(' ');
    const ran = box.sh(`set -- ${quoted}; ${script}`, { profile: places });
    assert.equal(ran.code, 0, ran.stderr);
    const inside = new Set(ran.stdout.trim().split('\n'));
    for (const file of every) {
      if (mayWrite(places, file)) assert.ok(inside.has(`w ${file}`), `written outside, not inside: ${file}`);
      if (mayRead(places, file)) assert.ok(inside.has(`r ${file}`), `read outside, not inside: ${file}`);
    }
    const writes = every.filter((file) => mayWrite(places, file)).map((file) => path.relative(box.workspace, file));
    assert.deepEqual(writes, [
      'file',
      'src/deep/file',
      'lib/own/file',
      '.git/HEAD',
      '.git/modules/sub/HEAD',
      'sub/.codex/file',
      'sub/rep/.git/HEAD',
    ]);
    assert.equal(mayWrite(places, box.workspace), true);
    assert.equal(mayRead(places, path.join(box.base, 'user/workshop')), false);
    assert.ok(existsSync(at('file')) && readdirSync(box.workspace).length > 0);
  },
  { skip: unavailable },
);
