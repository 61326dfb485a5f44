/** `npm run bench`: builds, then measures. */
import { runProgram } from '../process.ts';

const built = await runProgram([process.execPath, 'scripts/tasks/build.ts'], { inherit: true });
if (built.code === 0) {
  const { code } = await runProgram([process.execPath, 'bench/run.ts', ...process.argv.slice(2)], { inherit: true });
  process.exitCode = code;
} else {
  process.exitCode = built.code;
}
