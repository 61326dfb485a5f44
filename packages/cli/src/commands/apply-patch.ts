/**
 * `agentbox apply-patch [--cwd DIR]`: applies the patch on standard input (or the one argument) here and now, with the
 * output and exit codes of Codex. No server and no box daemon are involved.
 */
import { resolve } from 'node:path';
import { fileOperations } from '@agentbox/boxd';
import { AgentboxError } from '@agentbox/protocol';

export interface ApplyPatchIo {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly cwd: string;
}

const USAGE = "Usage: apply_patch 'PATCH'\n       echo 'PATCH' | apply_patch\n";
const WRONG_USE = 2;
const FAILED = 1;

type Arguments =
  | { readonly kind: 'patch'; readonly patch: string | null; readonly cwd: string }
  | { readonly kind: 'wrong'; readonly message: string };

function parseArguments(args: readonly string[], here: string): Arguments {
  const patches: string[] = [];
  let cwd = here;
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    if (arg === '--cwd') {
      const folder = args[index + 1];
      if (folder === undefined) return { kind: 'wrong', message: 'Error: --cwd needs a directory.\n' };
      cwd = resolve(here, folder);
      index += 1;
    } else if (arg.startsWith('--cwd=')) cwd = resolve(here, arg.slice('--cwd='.length));
    else if (arg.startsWith('--') && arg !== '--')
      return { kind: 'wrong', message: `Error: unknown option ${arg}.\n${USAGE}` };
    else if (arg !== '--') patches.push(arg);
  }
  if (patches.length > 1) return { kind: 'wrong', message: 'Error: apply_patch accepts exactly one argument.\n' };
  return { kind: 'patch', patch: patches[0] ?? null, cwd };
}

/** Null when the input is not UTF-8. */
async function readText(stdin: AsyncIterable<Uint8Array>): Promise<string | null> {
  const parts: Uint8Array[] = [];
  for await (const part of stdin) parts.push(part);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch (fault) {
    if (fault instanceof TypeError) return null;
    throw fault;
  }
}

async function apply(patch: string, cwd: string, io: ApplyPatchIo): Promise<number> {
  const options = { atomic: true, strict: false, clobber: true };
  try {
    const reply = await fileOperations().applyPatch({ patch, cwd, workspace: null, profile: null, options });
    if (reply.stdout !== '') io.stdout(reply.stdout);
    if (reply.stderr !== '') io.stderr(reply.stderr);
    return reply.exitCode;
  } catch (fault) {
    if (!(fault instanceof AgentboxError)) throw fault;
    io.stderr(`Error: ${fault.message}\n`);
    return FAILED;
  }
}

export async function applyPatchCommand(args: readonly string[], io: ApplyPatchIo): Promise<number> {
  const parsed = parseArguments(args, io.cwd);
  if (parsed.kind === 'wrong') {
    io.stderr(parsed.message);
    return WRONG_USE;
  }
  if (parsed.patch !== null) return apply(parsed.patch, parsed.cwd, io);
  const text = await readText(io.stdin);
  if (text === null) {
    io.stderr('Error: Failed to read PATCH from stdin.\nstream did not contain valid UTF-8\n');
    return FAILED;
  }
  if (text === '') {
    io.stderr(USAGE);
    return WRONG_USE;
  }
  return apply(text, parsed.cwd, io);
}
