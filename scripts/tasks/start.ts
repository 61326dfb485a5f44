/**
 * `npm start`: from a fresh clone to a running agentbox. `scripts/run` has installed the locked packages by now; this
 * builds the product and runs `agentbox up` in the foreground with the arguments after `--`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.ts';

const ROOT = join(import.meta.dirname, '..', '..');

async function main(): Promise<void> {
  process.stderr.write('agentbox: building the product into dist/; nothing is installed outside this directory\n');
  await build();
  const child = spawn(join(ROOT, 'packages', 'cli', 'bin', 'agentbox'), ['up', ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // Ctrl-C reaches the child from the terminal; what is sent to this process alone is passed on.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void child.kill(signal));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128);
  });
}

await main();
