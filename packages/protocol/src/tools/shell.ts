/**
 * Arguments and result of shell: what codex-shell-tool-mcp takes (its ExecParams) and answers, and after that what only
 * this one knows. A format that says the width of an integer is left out: some model APIs refuse a schema for it.
 */
import { z } from 'zod';
import { deniedExecs } from './denied.ts';
import { backgroundSchema, waitingPrograms } from './exec-output.ts';
import { count, MAX_WORD_CHARS, numberFromText, word } from './fields.ts';

export const shellInput = z
  .strictObject({
    command: z.string().describe('The bash string to execute.'),
    workdir: word(MAX_WORD_CHARS, 'The working directory to execute the command in. Must be an absolute path.'),
    timeout_ms: z
      .preprocess(numberFromText, z.int().min(0))
      .nullable()
      .describe('The timeout for the command in milliseconds (default 10000, at most 1800000).')
      .optional(),
    login: z.boolean().nullable().describe('Launch Bash with -lc instead of -c: defaults to true.').optional(),
  })
  .meta({ title: 'ExecParams' });

export type ShellInput = z.output<typeof shellInput>;

export const shellOutput = z.strictObject({
  exit_code: z
    .int()
    .describe(
      '128 + n when signal n ended the command, 124 when the timeout did, -1 while a program waits for a person.',
    ),
  output: z
    .string()
    .describe('What the command printed, stdout and stderr in true order; cut in the middle when `omitted`.'),
  duration: z
    .strictObject({ secs: count('Whole seconds.'), nanos: z.int().min(0).max(999_999_999) })
    .describe('How long the call took.'),
  timed_out: z.boolean().describe('The timeout ended the command and everything it started.'),
  signal: z.string().optional().describe('Name of the signal that ended the command.'),
  session_id: z
    .string()
    .optional()
    .describe(
      'Present when something is left running (kill_session ends it) or output was left out (read_output gives it).',
    ),
  omitted: z.strictObject({ from: count('Offset of the first byte left out.'), bytes: count('How many.') }).optional(),
  background: z.array(backgroundSchema).describe('Processes that outlive the command.'),
  waiting: waitingPrograms,
  binary: z.boolean().describe('Some bytes are not UTF-8 and are shown as U+FFFD.'),
  warnings: z.array(z.string()),
  denied: deniedExecs,
});

export type ShellOutput = z.output<typeof shellOutput>;
