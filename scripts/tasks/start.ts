/**
 * `npm start`: from a fresh clone to a running agentbox. `scripts/run` has installed the locked packages by now; this
 * brings bubblewrap, builds the product and runs `agentbox up` in the foreground with the arguments after `--`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { bringPackages, FOR_START, hereAndNow } from '../system-packages.ts';
import { build } from './build.ts';

const ROOT = join(import.meta.dirname, '..', '..');

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  process.stderr.write('agentbox: building the product into dist/\n');
  await Promise.all([build(), usesSandbox(args) ? bringPackages(FOR_START, hereAndNow(ROOT)) : null]);
  const child = spawn(join(ROOT, 'packages', 'cli', 'bin', 'agentbox'), ['up', ...args], {
    stdio: 'inherit',
  });
  // Ctrl-C reaches the child from the terminal; what is sent to this process alone is passed on.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void child.kill(signal));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128);
  });
}

/** Whatever else says so, such as a configuration: then a package too many is harmless. */
function usesSandbox(args: readonly string[]): boolean {
  const flag = args.lastIndexOf('--profile');
  const named = flag >= 0 ? args[flag + 1] : args.findLast((one) => one.startsWith('--profile='))?.split('=')[1];
  return (named ?? process.env['AGENTBOX_BOX_PROFILE']) !== 'host';
}

await main();
