/** apply_patch, as a tool of its own and as the shell command that exec_command recognises. */
import { resolve } from 'node:path';
import type { ToolOutcome } from '@agentbox/control-plane';
import type { ApplyPatchInput, ApplyPatchOutput, ExecCommandInput, ExecOutput, PatchReply } from '@agentbox/protocol';
import { type ExecPlan, MAX_WIRE_BYTES, refuseText } from './exec-plan.ts';
import type { Turn } from './machine.ts';
import { done, fail } from './outcome.ts';
import { placementOf } from './placement.ts';

const MAX_FILES = 200;
const MAX_NOTES = 50;
/** a shorter patch fits into a request however it is escaped */
const MAX_PATCH_CHARS = 1024 * 1024;

export async function applyPatch(turn: Turn, input: ApplyPatchInput): Promise<ToolOutcome> {
  const { box, settings } = turn.machine;
  const refused = refuseText('workdir', input.workdir);
  if (refused !== undefined) return refused;
  if (input.patch.length > MAX_PATCH_CHARS && Buffer.byteLength(JSON.stringify(input.patch)) > MAX_WIRE_BYTES) {
    return fail('PATCH_INVALID', `the patch needs more than ${MAX_WIRE_BYTES} bytes: send it in parts`, {
      limit: MAX_WIRE_BYTES,
    });
  }
  const cwd = resolve(settings.defaultWorkdir ?? (await turn.machine.facts()).home, input.workdir ?? '');
  const reply = await box.applyPatch({
    patch: input.patch,
    cwd,
    workspace: settings.workspace,
    profile: placementOf(turn).profile,
    options: {
      atomic: input.atomic ?? true,
      strict: input.strict ?? false,
      clobber: input.no_clobber !== true,
    },
  });
  if (reply.failure !== null || reply.exitCode !== 0) return patchFailed(reply);
  const structured: ApplyPatchOutput = {
    status: 'completed',
    output: reply.stdout,
    cwd,
    files: reply.files.slice(0, MAX_FILES).map(({ path, change, movedFrom, added, removed }) => ({
      path,
      change,
      ...(movedFrom === null ? {} : { moved_from: movedFrom }),
      added_lines: added,
      removed_lines: removed,
    })),
    notes: notesOf(reply),
  };
  // What the patch printed already says most of them.
  const unsaid = structured.notes.filter((note) => !reply.stdout.includes(note));
  return done(`${reply.stdout}${unsaid.map((note) => `note: ${note}\n`).join('')}`, structured);
}

function notesOf(reply: PatchReply): string[] {
  const more = reply.files.length - MAX_FILES;
  return [...reply.notes.slice(0, MAX_NOTES), ...(more > 0 ? [`${more} more files are not listed`] : [])];
}

/** What the tool wrote before it failed is said too: without `atomic` it stays. */
function patchFailed(reply: PatchReply, prefix = ''): ToolOutcome {
  const text = (reply.stderr === '' ? reply.stdout : reply.stderr).trimEnd();
  const changed = reply.files.map(({ path }) => path).slice(0, MAX_FILES);
  return fail(reply.failure?.code ?? 'PATCH_FAILED', `${prefix}${text === '' ? 'the patch was not applied' : text}`, {
    ...reply.failure?.detail,
    ...(changed.length > 0 ? { changed } : {}),
    ...(reply.notes.length > 0 ? { notes: notesOf(reply) } : {}),
  });
}

const MAY_BE_PATCH = /apply_?patch|\*\*\* Begin Patch/;

/** Null when the command is anything but one patch: the shell runs it then. */
export async function interceptPatch(turn: Turn, input: ExecCommandInput, plan: ExecPlan): Promise<ToolOutcome | null> {
  const { box, settings } = turn.machine;
  if (!MAY_BE_PATCH.test(input.cmd)) return null;
  const command = await box.parsePatchCommand(input.cmd);
  if (command.kind === 'other') return null;
  if (command.kind === 'bare') {
    return fail(
      'INVALID_ARGUMENTS',
      'apply_patch verification failed: patch detected without explicit call to apply_patch. Rerun as ["apply_patch", "<patch>"]',
    );
  }
  const cwd = resolve(plan.spawn.cwd, command.workdir ?? '');
  const { profile } = placementOf(turn);
  const options = { atomic: true, strict: false, clobber: true } as const;
  const reply = await box.applyPatch({ patch: command.patch, cwd, workspace: settings.workspace, profile, options });
  if (reply.failure !== null || reply.exitCode !== 0) return patchFailed(reply, 'apply_patch verification failed: ');
  return patchedAnswer(turn, reply, cwd);
}

function patchedAnswer(turn: Turn, reply: PatchReply, cwd: string): ToolOutcome {
  const seconds = (performance.now() - turn.startedAt) / 1000;
  const answer: ExecOutput = {
    chunk_id: '',
    wall_time_seconds: Math.round(seconds * 10_000) / 10_000,
    exit_code: 0,
    original_token_count: Math.ceil(Buffer.byteLength(reply.stdout) / 4),
    output: reply.stdout,
    running: false,
    cwd,
    cursor: 0,
    background: [],
    binary: false,
    warnings: notesOf(reply),
    denied: [],
  };
  const text = `Wall time: ${seconds.toFixed(4)} seconds\nOutput:\nExit code: 0\nWall time: 0 seconds\nOutput:\n${reply.stdout}`;
  return done(text, answer);
}
