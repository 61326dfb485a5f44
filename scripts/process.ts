/** Runs a program of the toolchain and gives back what it printed; never through a shell. */
import { spawn } from 'node:child_process';

export interface Finished {
  readonly code: number;
  readonly output: string;
}

/** `inherit` shows the output while it comes; otherwise both streams are kept, in the order they came. */
export function runProgram(
  argv: readonly string[],
  options: { readonly cwd?: string; readonly inherit?: boolean; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    cwd: options.cwd ?? process.cwd(),
    env: options.env ?? process.env,
    stdio: options.inherit === true ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code: code ?? (signal === null ? 1 : 128), output: Buffer.concat(chunks).toString('utf8') }),
    );
  });
}
