/** `agentbox apply-patch`: the same patches as the tool's, from standard input, without a server. */
import type { Command } from '../command.ts';
import { applyPatchCommand } from './apply-patch.ts';

export const patch: Command = {
  name: 'apply-patch',
  summary: 'Apply a patch from standard input, as Codex does.',
  synopsis: '[--cwd DIR]',
  about: 'Prints what was changed and exits with 0, or says why nothing was changed and exits with 1.',
  options: { cwd: { type: 'string', value: 'DIR', help: 'directory that the paths of the patch are relative to' } },
  examples: [['agentbox apply-patch < change.patch', 'apply it here']],
  run: (args, io) => {
    const cwd = args.text('cwd');
    return applyPatchCommand([...(cwd === undefined ? [] : ['--cwd', cwd]), ...args.positionals], {
      stdin: io.stdin,
      stdout: (text) => void io.stdout.write(text),
      stderr: (text) => void io.stderr.write(text),
      cwd: io.cwd,
    });
  },
};
