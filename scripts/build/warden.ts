/**
 * Builds the warden for each machine, byte for byte the same wherever the same compiler does it.
 * `--check` compares a fresh build with vendor/ and writes nothing; without it vendor/ and the pins are written.
 */
import { createHash } from 'node:crypto';
import { access, chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runProgram } from '../process.ts';

const ROOM = join(import.meta.dirname, '..', '..', 'packages', 'exec-guard');
const NATIVE = join(ROOM, 'native');
const PINS = join(ROOM, 'src', 'pins.ts');

/** Nothing of the builder's paths, names or clock goes into the binary. */
const FLAGS = [
  '-D_GNU_SOURCE',
  '-std=c11',
  '-O2',
  '-static',
  '-no-pie',
  '-s',
  '-fno-ident',
  '-fno-asynchronous-unwind-tables',
  '-ffunction-sections',
  '-Wl,--gc-sections,--build-id=none',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wconversion',
  '-Wno-sign-conversion',
];

interface Target {
  readonly name: 'linux-x64' | 'linux-arm64';
  /** the Debian packages that bring what it needs */
  readonly packages: string;
  /** the compiler and the arguments around the sources; null: something of it is missing */
  command(): Promise<readonly string[] | null>;
}

const present = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function allPresent(...paths: readonly string[]): Promise<boolean> {
  return (await Promise.all(paths.map(present))).every(Boolean);
}

/** The kernel's headers come after the C library's own. */
const kernelHeaders = (...folders: readonly string[]): readonly string[] =>
  folders.flatMap((folder) => ['-idirafter', folder]);

const X64: Target = {
  name: 'linux-x64',
  packages: 'musl-tools linux-libc-dev',
  async command() {
    if (process.arch !== 'x64' || !(await allPresent('/usr/bin/musl-gcc', '/usr/include/linux/seccomp.h'))) return null;
    return ['/usr/bin/musl-gcc', ...kernelHeaders('/usr/include', '/usr/include/x86_64-linux-gnu')];
  },
};

const ARM64: Target = {
  name: 'linux-arm64',
  packages: 'gcc-aarch64-linux-gnu musl-dev:arm64 (or its files below $AGENTBOX_ARM64_SYSROOT)',
  async command() {
    const compiler = '/usr/bin/aarch64-linux-gnu-gcc';
    const sysroot = process.env['AGENTBOX_ARM64_SYSROOT'] ?? '';
    const include = `${sysroot}/usr/include/aarch64-linux-musl`;
    const library = `${sysroot}/usr/lib/aarch64-linux-musl`;
    if (!(await allPresent(compiler, `${include}/stdio.h`, `${library}/libc.a`))) return null;
    const found = await runProgram([compiler, '-print-libgcc-file-name']);
    return [
      compiler,
      '-nostdinc',
      '-nostdlib',
      '-isystem',
      include,
      ...kernelHeaders('/usr/aarch64-linux-gnu/include'),
      ...['crt1.o', 'crti.o', 'crtn.o'].map((name) => `${library}/${name}`),
      '-Wl,--start-group',
      `${library}/libc.a`,
      found.output.trim(),
      '-Wl,--end-group',
    ];
  },
};

const TARGETS: readonly Target[] = [X64, ARM64];

/** The binary, or what is missing to build it. */
async function compile(
  target: Target,
  folder: string,
): Promise<{ readonly path: string } | { readonly missing: string }> {
  const command = await target.command();
  if (command === null) return { missing: `${target.name}: needs ${target.packages}` };
  const sources = (await readdir(NATIVE)).filter((name) => name.endsWith('.c')).toSorted();
  const path = join(folder, `warden-${target.name}`);
  const [compiler = '', ...around] = command;
  const { code, output } = await runProgram([compiler, ...FLAGS, ...sources, ...around, '-o', path], { cwd: NATIVE });
  if (code !== 0) throw new TypeError(`${target.name} does not compile:\n${output}`);
  return { path };
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

async function compare(target: Target, built: string): Promise<boolean> {
  const vendored = join(ROOM, 'vendor', target.name, 'warden');
  const [fresh, standing] = await Promise.all([readFile(built), readFile(vendored)]);
  const pinned = (await readFile(PINS, 'utf8')).includes(`'${target.name}': '${sha256(standing)}'`);
  const same = fresh.equals(standing);
  console.log(
    `${target.name}: ${same ? 'the same bytes' : 'DIFFERS from vendor/'}${pinned ? '' : ', NOT the pinned hash'}`,
  );
  return same && pinned;
}

async function place(target: Target, built: string): Promise<void> {
  const folder = join(ROOM, 'vendor', target.name);
  const path = join(folder, 'warden');
  await mkdir(folder, { recursive: true });
  await rm(path, { force: true });
  await copyFile(built, path);
  await chmod(path, 0o755);
  const content = await readFile(path);
  const pins = await readFile(PINS, 'utf8');
  await writeFile(
    PINS,
    pins.replace(new RegExp(`'${target.name}': '[0-9a-f]*'`), `'${target.name}': '${sha256(content)}'`),
  );
  console.log(`${target.name}: ${content.length} bytes, ${sha256(content)}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const folder = await mkdtemp(join(tmpdir(), 'agentbox-warden-'));
  try {
    for (const target of TARGETS) {
      const built = await compile(target, folder);
      if ('missing' in built) console.log(built.missing);
      else if (!values.check) await place(target, built.path);
      else if (!(await compare(target, built.path))) process.exitCode = 1;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
