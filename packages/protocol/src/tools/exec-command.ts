/** Arguments of exec_command. */
import { z } from 'zod';
import { flag, MAX_WORD_CHARS, whole, word } from './fields.ts';

const MAX_ENV_VALUE_CHARS = 128 * 1024;

export const OUTPUT_FORMATS = ['text', 'codex'] as const;

export const outputTokens = whole(
  1,
  Number.MAX_SAFE_INTEGER,
  'Most tokens of output in the answer, four bytes each (default 10000, which is also the most).',
);
export const format = z
  .enum(OUTPUT_FORMATS)
  .describe('"text" (default) or "codex": the exact text of Codex, uncleaned.')
  .optional();
export const raw = flag('Give the output as printed, with escape sequences (default false).');

export const execCommandInput = z.strictObject({
  cmd: z.string().describe('Shell command line; may be a script of many lines.'),
  workdir: word(
    MAX_WORD_CHARS,
    'Directory to run in; a relative one starts at the default directory, "~" is not expanded.',
  ).optional(),
  shell: word(MAX_WORD_CHARS, 'Shell to use, such as "bash" or "/bin/sh" (default: the shell of the user).').optional(),
  login: flag('Environment of a login shell (default true).'),
  tty: flag('Give the command a terminal of 80 x 24 and keep its input open (default false).'),
  stdin: flag('Keep a pipe open as input, for write_stdin; without it and without tty the input is empty.'),
  stderr: z
    .enum(['merged', 'separate'])
    .describe('"merged" (default) puts stderr into output in true order; "separate" answers it apart.')
    .optional(),
  yield_time_ms: whole(
    0,
    Number.MAX_SAFE_INTEGER,
    'Milliseconds to wait for the end before answering with a session_id (default 10000, held to 250 to 30000).',
  ),
  max_output_tokens: outputTokens,
  env: z
    .record(z.string().min(1).max(1024), z.string().max(MAX_ENV_VALUE_CHARS))
    .describe('Variables added to the environment, by name; their values are not recorded.')
    .optional(),
  on_exit: z
    .enum(['keep', 'kill'])
    .describe(
      'What becomes of background processes when the command ends: "keep" (default; on a terminal the hangup is ignored) or "kill".',
    )
    .optional(),
  raw,
  format,
});

export type ExecCommandInput = z.output<typeof execCommandInput>;
