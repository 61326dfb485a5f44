/** Rule files from the disk, whole and as UTF-8, or an error that names the file. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { BOUNDS, type RuleSource } from '@agentbox/execpolicy';
import { AgentboxError } from '@agentbox/protocol';

/** UTF-8 takes at most three bytes for one UTF-16 unit. */
const MAX_BYTES = 3 * BOUNDS.fileChars;

export function ruleSources(files: readonly string[], cwd: string): readonly RuleSource[] {
  return files.map((name) => ({ name, layer: 'user', text: readText(name, resolve(cwd, name)) }));
}

function readText(name: string, path: string): string {
  try {
    if (statSync(path).size > MAX_BYTES)
      throw new AgentboxError('INVALID_ARGUMENTS', `${name} is larger than ${MAX_BYTES} bytes: divide it`);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (fault) {
    if (fault instanceof AgentboxError) throw fault;
    const why =
      fault instanceof TypeError ? 'it is not valid UTF-8' : fault instanceof Error ? fault.message : String(fault);
    throw new AgentboxError('INVALID_ARGUMENTS', `the rule file ${name} cannot be read: ${why}`);
  }
}
