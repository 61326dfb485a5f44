/** `npm run format`: writes the one layout that `npm run check` demands. */
import { runProgram } from '../process.ts';

const { code } = await runProgram(['node_modules/.bin/biome', 'check', '--write', '.'], { inherit: true });
process.exitCode = code;
