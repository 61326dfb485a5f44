/** Builds the Go oracle where Go and the Starlark sources of the distribution are installed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = '/usr/share/gocode';

/** Why the oracle cannot be built, or false. */
export function goMissing(): string | false {
  if (!existsSync(join(SOURCES, 'src/go.starlark.net'))) return 'needs the package golang-starlark-dev';
  return spawnSync('go', ['version']).status === 0 ? false : 'needs the package golang-go';
}

export function buildOracle(folder: string): string {
  const binary = join(folder, 'starlark-oracle');
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: SOURCES,
    GOCACHE: process.env['GOCACHE'] ?? join(folder, 'cache'),
    GOFLAGS: '-buildvcs=false',
    CGO_ENABLED: '0',
  };
  const built = spawnSync('go', ['build', '-o', binary, join(import.meta.dirname, 'main.go')], {
    env,
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new TypeError(`go build: ${built.stderr}`);
  return binary;
}
