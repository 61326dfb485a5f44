/** list_sessions, kill_session, resize_session and read_output. */
import { z } from 'zod';
import { outputTokens, raw } from './exec-command.ts';
import { backgroundSchema } from './exec-output.ts';
import { count, flag, sessionId, whole, word } from './fields.ts';

export const SIGNAL_NAMES = [
  'TERM',
  'INT',
  'KILL',
  'HUP',
  'QUIT',
  'USR1',
  'USR2',
  'STOP',
  'CONT',
  'TSTP',
  'ALRM',
  'PIPE',
  'WINCH',
  'ABRT',
] as const;
export type SignalName = (typeof SIGNAL_NAMES)[number];

const state = z.enum(['running', 'exited', 'lost']);

export const listSessionsInput = z.strictObject({
  running_only: flag('Leave out sessions that have ended (default false).'),
  max_results: whole(1, 500, 'Most sessions listed (default 50); live ones come first.'),
});

export const listSessionsOutput = z.strictObject({
  sessions: z.array(
    z.strictObject({
      session_id: z.string(),
      state,
      command: z.string().describe('First 500 characters.'),
      cwd: z.string(),
      tty: z.boolean(),
      pid: z.int(),
      age_seconds: z.number(),
      unread_bytes: count('Printed since the last answer that you got.'),
      cursor: count('Where the next answer of write_stdin begins.'),
      last_line: z.string(),
      exit_code: z.int().optional(),
      signal: z.string().optional(),
      cause: z.string().optional().describe('Why the session was lost.'),
      background: z.array(backgroundSchema),
    }),
  ),
  running: count('Sessions that run.'),
  not_listed: count('Sessions beyond max_results.'),
});

export const killSessionInput = z.strictObject({
  session_id: sessionId,
  signal: word(16, 'Signal to send. Left out: TERM, then KILL for what is still alive after 0.8 seconds.')
    .meta({ enum: [...SIGNAL_NAMES] })
    .optional(),
  tree: flag('Every process of the session (default true); false: the foreground program only.'),
});

export const killSessionOutput = z.strictObject({
  session_id: z.string(),
  signal: z.string(),
  signalled: count('Processes that were alive.').optional(),
  alive: count('Processes still alive after the wait.').optional(),
  killed: z.boolean().describe('Whether KILL had to follow.'),
  state,
  exit_code: z.int().optional(),
  ended_by: z.string().optional().describe('Name of the signal that ended the command.'),
});

export const resizeSessionInput = z.strictObject({
  session_id: sessionId,
  cols: z
    .preprocess((value) => (typeof value === 'string' ? Number(value) : value), z.int().min(2).max(1000))
    .describe('Columns.'),
  rows: z
    .preprocess((value) => (typeof value === 'string' ? Number(value) : value), z.int().min(1).max(1000))
    .describe('Rows.'),
});

export const resizeSessionOutput = z.strictObject({ session_id: z.string(), cols: z.int(), rows: z.int() });

export const readOutputInput = z.strictObject({
  session_id: sessionId,
  from: whole(
    -Number.MAX_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
    'First byte wanted, such as a cursor; negative counts from the end (default 0).',
  ),
  to: whole(0, Number.MAX_SAFE_INTEGER, 'Byte after the last one wanted (default: the end).'),
  from_line: whole(1, Number.MAX_SAFE_INTEGER, 'First line wanted, counted from 1; instead of `from` (default 1).'),
  to_line: whole(1, Number.MAX_SAFE_INTEGER, 'Last line wanted (default: as many as fit).'),
  pattern: word(1000, 'JavaScript regular expression: answer the lines that match, with their offsets.').optional(),
  max_matches: whole(1, 1000, 'Most matching lines (default 100).'),
  stream: z
    .enum(['output', 'stderr'])
    .describe('"output" (default) or "stderr" of a session that keeps it apart.')
    .optional(),
  encoding: z
    .enum(['text', 'base64'])
    .describe('"text" (default) or "base64": the very bytes, also where they are not UTF-8.')
    .optional(),
  max_output_tokens: outputTokens,
  raw,
});

export const readOutputOutput = z.strictObject({
  session_id: z.string(),
  state,
  exit_code: z.int().optional(),
  from: count('Offset of the first byte of `output`.'),
  next: count('Offset after the last byte: the `from` of the next call.'),
  written: count('Bytes printed so far.'),
  dropped: count('Bytes of the asked range that the quota of the log dropped for good.'),
  output: z.string(),
  binary: z.boolean(),
  matches: z
    .array(z.strictObject({ offset: count('Of the line.'), line: count('From 1.'), text: z.string() }))
    .optional(),
  more: z.boolean().describe('There is more to read from `next` on.'),
  warnings: z.array(z.string()),
});

export type ListSessionsInput = z.output<typeof listSessionsInput>;
export type ListSessionsOutput = z.output<typeof listSessionsOutput>;
export type KillSessionInput = z.output<typeof killSessionInput>;
export type KillSessionOutput = z.output<typeof killSessionOutput>;
export type ResizeSessionInput = z.output<typeof resizeSessionInput>;
export type ResizeSessionOutput = z.output<typeof resizeSessionOutput>;
export type ReadOutputInput = z.output<typeof readOutputInput>;
export type ReadOutputOutput = z.output<typeof readOutputOutput>;
