/** The file operations of one box: they run where the files are, and its patches wait for each other path by path. */
import { isBarePatch, parseApplyPatchInvocation } from '@agentbox/apply-patch';
import type { PatchCommand } from '@agentbox/protocol';
import { applyPatch, PathLocks, readRegularFile } from './files/index.ts';
import type { FileOperations } from './wire/perform.ts';

export function fileOperations(): FileOperations {
  const locks = new PathLocks();
  return {
    applyPatch: (request) => applyPatch(request, locks),
    parsePatchCommand,
    readFile: readRegularFile,
  };
}

function parsePatchCommand(command: string): PatchCommand {
  const invocation = parseApplyPatchInvocation(command);
  if (invocation !== null) return { kind: 'patch', ...invocation };
  return { kind: isBarePatch(command) ? 'bare' : 'other' };
}
