/** The Debian packages of `npm start` and `npm test`, with an apt-get that writes down what it is asked. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bringPackages, type SystemPackage } from '../../scripts/system-packages.ts';
import { verifies } from '../requirements/verifies.ts';

const WANTED: readonly SystemPackage[] = [
  { name: 'thing', brings: 'agentbox-no-such-program' },
  { name: 'present', brings: 'sh' },
  { name: 'headers', brings: '/nowhere/headers' },
];

/** Fails until it was asked to update, as where no list of packages was ever read; or always, as without a network. */
const APT = {
  works: 'case "$*" in *update*) touch "$0.updated";; *) [ -e "$0.updated" ];; esac',
  offline: 'exit 100',
} as const;

class Machine implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'agentbox-packages-'));
  readonly said: string[] = [];

  constructor(apt: keyof typeof APT | null) {
    mkdirSync(join(this.#root, 'bin'));
    for (const tool of ['sh', 'timeout', 'touch']) symlinkSync(toolAt(tool), join(this.#root, 'bin', tool));
    if (apt === null) return;
    const program = `#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> '${this.#root}/asked'\n${APT[apt]}\n`;
    writeFileSync(join(this.#root, 'bin', 'apt-get'), program, { mode: 0o755 });
  }

  bring(asRoot: boolean): Promise<void> {
    const env = { PATH: join(this.#root, 'bin') };
    return bringPackages(WANTED, {
      env,
      asRoot,
      stamp: join(this.#root, 'stamp'),
      say: (line) => this.said.push(line),
    });
  }

  /** what apt-get was asked, without its options */
  get asked(): readonly string[] {
    const file = join(this.#root, 'asked');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.replaceAll(/ (-o \S+|-qq|-y|--no-install-recommends)/g, ''));
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function toolAt(name: string): string {
  return ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? assert.fail(name);
}

verifies(
  'cli.start.packages',
  async () => {
    using machine = new Machine('works');
    await machine.bring(true);
    assert.deepEqual(machine.asked, [
      'noninteractive install --download-only thing headers',
      'noninteractive update',
      'noninteractive install --download-only thing headers',
      'noninteractive install --no-download thing headers',
    ]);
    assert.deepEqual(machine.said, ['agentbox: installing with apt-get: thing headers']);
    await machine.bring(true);
    assert.equal(machine.asked.length, 4, 'each is asked for once');
  },
  { cell: 'root' },
);

verifies(
  'cli.start.packages',
  async () => {
    using machine = new Machine('offline');
    await machine.bring(true);
    assert.match(
      machine.said[1] ?? '',
      /^agentbox: apt-get could not install them; later: apt-get install .*thing headers$/,
    );
    await machine.bring(true);
    assert.equal(machine.said.length, 2);
  },
  { cell: 'without a network' },
);

for (const [cell, apt, asRoot] of [
  ['an ordinary user', 'works', false],
  ['no apt-get', null, true],
] as const) {
  verifies(
    'cli.start.packages',
    async () => {
      using machine = new Machine(apt);
      await machine.bring(asRoot);
      await machine.bring(asRoot);
      assert.deepEqual(machine.asked, []);
      assert.equal(machine.said.length, 1);
      assert.match(machine.said[0] ?? '', /sudo apt-get install -y --no-install-recommends thing headers$/);
    },
    { cell },
  );
}
