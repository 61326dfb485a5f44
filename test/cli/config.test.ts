/** The configuration: where a value comes from, what an error says, and that the documentation is in step. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { configJsonSchema, configurationTable, loadConfig, type Override, settings } from '@agentbox/server';
import { verifies } from '../requirements/verifies.ts';
import { ROOT } from './product.ts';

interface Sources {
  readonly toml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly Override[];
}

function load({ toml = '', env = {}, flags = [] }: Sources): ReturnType<typeof loadConfig> {
  const home = mkdtempSync(join(tmpdir(), 'agentbox-config-'));
  try {
    writeFileSync(join(home, 'config.toml'), toml);
    return loadConfig({ home, env, flags });
  } finally {
    rmSync(home, { recursive: true });
  }
}

function refusal(sources: Sources): string {
  try {
    load(sources);
  } catch (fault) {
    assert.ok(fault instanceof AgentboxError && fault.code === 'CONFIG_INVALID', String(fault));
    return fault.message.replaceAll(/\S*\/config\.toml/g, 'config.toml');
  }
  return assert.fail('it was accepted');
}

const PLACES: readonly (readonly [cell: string, sources: Sources, says: string])[] = [
  ['a wrong type', { toml: '\n[server]\nport = "x"' }, 'config.toml:3: server.port: must be a whole number.'],
  ['a number out of range', { toml: '[server]\nport = 70000' }, 'config.toml:2: server.port: must be at most 65535.'],
  [
    'a word of a closed list',
    { toml: '[exec]\non_cancel = "wait"' },
    'config.toml:2: exec.on_cancel: must be one of "kill", "keep".',
  ],
  ['a dotted key', { toml: 'exec.login = 3' }, 'config.toml:1: exec.login: must be true or false.'],
  [
    'a missing key of a table',
    { toml: '[auth.jwks]\nissuer = "https://a.example"\naudience = "x"' },
    'config.toml:1: auth.jwks.jwks_url: is missing.',
  ],
  [
    'a variable',
    { env: { AGENTBOX_SERVER_PORT: 'many' } },
    'AGENTBOX_SERVER_PORT: server.port: must be a whole number.',
  ],
  [
    'a flag',
    { flags: [{ path: ['server', 'port'], value: 'many', origin: '--port' }] },
    '--port: server.port: must be a whole number.',
  ],
  [
    'a relative directory',
    { toml: '[exec]\ndefault_workdir = "here"' },
    'config.toml:2: exec.default_workdir: must be an absolute path.',
  ],
  [
    'an address that others reach',
    { toml: '[server]\nhost = "0.0.0.0"' },
    'config.toml:2: server.host: "0.0.0.0" is reached by other machines without encryption. Use 127.0.0.1 with `agentbox expose`, or set server.dangerously_bind_all_interfaces = true.',
  ],
];

for (const [cell, sources, says] of PLACES) {
  verifies('config.error.names-place', () => assert.equal(refusal(sources), says), { cell });
}

verifies(
  'config.error.names-place',
  () => {
    const lines = refusal({ toml: '[server]\nport = -1\n[exec]\nlogin = "no"\n' }).split('\n');
    assert.equal(lines.length, 2, 'every problem is said at once');
  },
  { cell: 'several problems' },
);

const UNKNOWN: readonly (readonly [cell: string, sources: Sources, says: RegExp])[] = [
  ['a section', { toml: '[exce]\nlogin = true' }, /^config\.toml:1: exce is not a section\. Did you mean `exec`\?$/],
  [
    'a key',
    { toml: '[server]\nprot = 1' },
    /^config\.toml:2: server\.prot is not a setting\. Did you mean `server\.port`\?$/,
  ],
  ['a key of another section', { toml: '[exec]\nprefix = ""' }, /Did you mean `tools\.prefix`\?$/],
  ['nothing like it', { toml: '[tools]\nxyzzyxyzzy = 1' }, /The known ones are: tools\.prefix\.$/],
  [
    'a variable',
    { env: { AGENTBOX_SERVER_PROT: '1' } },
    /^AGENTBOX_SERVER_PROT: is not a setting\. Did you mean `AGENTBOX_SERVER_PORT`\?$/,
  ],
];

for (const [cell, sources, says] of UNKNOWN) {
  verifies('config.unknown.nearest', () => assert.match(refusal(sources), says), { cell });
}

verifies('config.order', () => {
  const toml = '[server]\nport = 1\nmax_connections = 2';
  assert.equal(load({}).server.port, 7070);
  assert.equal(load({ toml }).server.port, 1);
  const env = { AGENTBOX_SERVER_PORT: '3', AGENTBOX_SKILLS_ROOTS: '/a, /b', AGENTBOX_EXEC_LOGIN: 'false' };
  const fromEnv = load({ toml, env });
  assert.equal(fromEnv.server.port, 3);
  assert.equal(fromEnv.server.max_connections, 2, 'the rest of the section stays');
  assert.deepEqual(fromEnv.skills.roots, ['/a', '/b']);
  assert.equal(fromEnv.exec.login, false);
  assert.equal(load({ toml, env, flags: [{ path: ['server', 'port'], value: 4, origin: '--port' }] }).server.port, 4);
});

verifies('config.documented', () => {
  const schema = readFileSync(join(ROOT, 'docs', 'agentbox.schema.json'), 'utf8');
  assert.equal(schema, `${JSON.stringify(configJsonSchema(), null, 2)}\n`, 'run `node scripts/tasks/build.ts --docs`');
  const page = readFileSync(join(ROOT, 'docs', 'configuration.md'), 'utf8');
  assert.ok(page.includes(configurationTable()), 'run `node scripts/tasks/build.ts --docs`');
  assert.ok(settings().every((setting) => setting.description.length > 10));
});
