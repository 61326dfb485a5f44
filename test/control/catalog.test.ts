/** Which tools a caller sees and under which names. */
import assert from 'node:assert/strict';
import { createCatalog } from '@agentbox/control-plane';
import type { Scope } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { caller, provider, tool } from './house.ts';

const reportFault = (): void => undefined;

for (const prefix of ['agentbox_', '', 'lab-']) {
  verifies(
    'control.catalog.names',
    () => {
      const machine = provider('machine', [tool('write_stdin'), tool('exec_command')]);
      using catalog = createCatalog({ providers: [machine], prefix, reportFault });
      const listed = catalog.list(caller('exec')).map(({ wireName }) => wireName);
      assert.deepEqual(listed, [`${prefix}exec_command`, `${prefix}write_stdin`]);
      const names = [`${prefix}exec_command`, 'exec_command', 'agentbox_exec_command'];
      for (const name of names) assert.equal(catalog.find(name, caller())?.definition.name, 'exec_command', name);
      for (const name of ['', 'exec', 'EXEC_COMMAND', 'other_exec_command', '__proto__', 'constructor']) {
        assert.equal(catalog.find(name, caller('exec')), undefined, name);
      }
    },
    { cell: `prefix "${prefix}"` },
  );
}

verifies('control.catalog.collision', () => {
  const providers = [provider('machine', [tool('run')]), provider('forge', [tool('run')])];
  assert.throws(() => createCatalog({ providers, prefix: 'agentbox_', reportFault }), {
    code: 'CONFIG_INVALID',
    detail: { tool: 'agentbox_run', providers: ['machine', 'forge'] },
  });
});

verifies(
  'control.catalog.collision',
  () => {
    const providers = [provider('machine', [tool('run'), tool('agentbox_run')])];
    assert.throws(() => createCatalog({ providers, prefix: 'agentbox_', reportFault }), { code: 'CONFIG_INVALID' });
  },
  { cell: 'a bare name that is the prefixed name of another' },
);

for (const name of ['', 'with space', 'dot.ted', 'ünder', 'x'.repeat(56), 'new\nline']) {
  verifies(
    'control.catalog.wire-name',
    () => {
      const providers = [provider('machine', [tool(name)])];
      assert.throws(() => createCatalog({ providers, prefix: name === '' ? '' : 'agentbox_', reportFault }), {
        code: 'CONFIG_INVALID',
      });
    },
    { cell: JSON.stringify(name) },
  );
}

verifies(
  'control.catalog.wire-name',
  () => {
    for (const prefix of ['a b', 'x'.repeat(25), 'é']) {
      assert.throws(() => createCatalog({ providers: [], prefix, reportFault }), { code: 'CONFIG_INVALID' });
    }
  },
  { cell: 'the prefix itself' },
);

verifies('control.catalog.scopes', () => {
  const machine = provider('machine', [
    tool('bootstrap', { scopes: [] }),
    tool('exec_command'),
    tool('apply_patch', { scopes: ['exec', 'files'] }),
  ]);
  using catalog = createCatalog({ providers: [machine], prefix: '', reportFault });
  const seen = (...scopes: readonly Scope[]): readonly string[] =>
    catalog.list(caller(...scopes)).map(({ wireName }) => wireName);
  assert.deepEqual(seen(), ['bootstrap']);
  assert.deepEqual(seen('exec'), ['bootstrap', 'exec_command']);
  assert.deepEqual(seen('files', 'exec'), ['apply_patch', 'bootstrap', 'exec_command']);
  assert.equal(catalog.list(caller('exec', 'files')), catalog.list(caller('files', 'exec')), 'one list per set');
});

verifies('control.catalog.changed', () => {
  const faults: string[] = [];
  const machine = provider('machine', [tool('one')]);
  using catalog = createCatalog({ providers: [machine], prefix: '', reportFault: (what) => void faults.push(what) });
  const versions: number[] = [];
  catalog.changed.subscribe((version) => void versions.push(version));
  const before = catalog.list(caller('exec'));
  machine.tools = [tool('one'), tool('two')];
  assert.equal(catalog.list(caller('exec')), before, 'nothing is asked again before the provider says so');
  machine.changed.emit(machine.id);
  assert.equal(catalog.list(caller('exec')).length, 2);
  machine.tools = [tool('three'), tool('three')];
  machine.changed.emit(machine.id);
  assert.deepEqual([versions, catalog.version, faults], [[2], 2, ['the tool table was not rebuilt']]);
  assert.equal(catalog.find('two', caller('exec'))?.wireName, 'two');
  catalog[Symbol.dispose]();
  assert.equal(machine.changed.size, 0);
});
