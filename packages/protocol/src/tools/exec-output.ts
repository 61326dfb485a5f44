/** What exec_command and write_stdin answer. The first six names are those of Codex and of its code mode. */
import { z } from 'zod';
import { deniedExecs } from './denied.ts';
import { count } from './fields.ts';

export const backgroundSchema = z.strictObject({
  pid: z.int(),
  command: z.string(),
  ports: z.array(z.int()).describe('TCP ports that it listens on.'),
});

export const waitingPrograms = z
  .array(
    z.strictObject({
      question: z.string(),
      file: z.string(),
      command: z.string(),
      reason: z.string().describe('Why a person must decide.'),
      runs: z.enum(['sandbox', 'outside']).describe('What a yes means.'),
      expires_at: z.number().describe('Milliseconds since the epoch; then it is refused.'),
      answer_with: z.string().describe('What the operator runs to allow it.'),
    }),
  )
  .optional()
  .describe('Programs of the command that wait for a person; write_stdin waits for the answer.');

export const execOutput = z.strictObject({
  chunk_id: z.string().describe('Names this answer.'),
  wall_time_seconds: z.number().describe('How long this call waited.'),
  exit_code: z.int().optional().describe('Absent while the command runs; 128 + n when signal n ended it.'),
  session_id: z.string().optional().describe('For write_stdin, read_output and kill_session.'),
  original_token_count: count('Size of the new output before it was cut, in tokens of four bytes.'),
  output: z.string().describe('What the command printed since the last answer; cut in the middle when `omitted`.'),
  running: z.boolean(),
  signal: z.string().optional().describe('Name of the signal that ended the command.'),
  cwd: z.string().describe('Directory in which the command was started.'),
  cursor: count('Offset after the last byte of this answer.'),
  omitted: z
    .strictObject({ from: count('Offset of the first byte left out.'), bytes: count('How many.') })
    .optional()
    .describe('Middle of the output that is not in `output`; read_output gives it.'),
  background: z.array(backgroundSchema).describe('Processes that outlive the command.'),
  awaiting_input: z
    .strictObject({ text: z.string(), echo: z.boolean() })
    .optional()
    .describe('The prompt at which the command waits; echo false asks for a secret.'),
  binary: z.boolean().describe('Some bytes are not UTF-8 and are shown as U+FFFD.'),
  screen: z
    .strictObject({ cols: z.int(), rows: z.int(), cursor_row: z.int(), cursor_col: z.int() })
    .optional()
    .describe('Present when `output` is what stands on the screen of a full-screen program.'),
  stderr: z.string().optional().describe('Standard error, when asked apart.'),
  stderr_cursor: z.int().optional(),
  warnings: z.array(z.string()),
  denied: deniedExecs,
  waiting: waitingPrograms,
});

export type ExecOutput = z.output<typeof execOutput>;
