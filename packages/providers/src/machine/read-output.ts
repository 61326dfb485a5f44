/** read_output: any part of what a session printed, by bytes, by lines or by what the lines say. Reading takes nothing away. */
import { isUtf8 } from 'node:buffer';
import type { ToolOutcome } from '@agentbox/control-plane';
import type { FindLineReply, ReadOutputInput, ReadOutputOutput, SessionInfo } from '@agentbox/protocol';
import { findLine, type Place } from './line-offsets.ts';
import type { Turn } from './machine.ts';
import { done, type Failed, fail } from './outcome.ts';
import { cleanOutput, decodeUtf8 } from './output/index.ts';
import { findSession } from './session-lookup.ts';

const DEFAULT_MATCHES = 100;
const MAX_MATCH_CHARS = 400;
const LINE_FEED = 10;

interface Range {
  readonly from: number;
  /** byte after the last one wanted */
  readonly to: number;
  readonly warnings: readonly string[];
}

export async function readOutput(turn: Turn, input: ReadOutputInput): Promise<ToolOutcome> {
  const session = findSession(input.session_id);
  if (typeof session !== 'string') return session;
  const info = await turn.machine.box.info(turn.owner, session);
  const stream = input.stream ?? 'output';
  if (stream === 'stderr' && (info.io.kind !== 'pipe' || info.io.stderr !== 'separate')) {
    return fail('INVALID_ARGUMENTS', `session ${session} has no stream of its own for stderr: leave "stream" out`);
  }
  const at = { turn, session, stream } as const;
  const { written } = await turn.machine.box.read(turn.owner, { session, stream, from: 0, max: 1 });
  const range = await settleRange(at, input, written);
  if ('kind' in range) return range;
  return input.pattern === undefined
    ? readRange(at, info, range, input)
    : searchLines(at, info, range, input.pattern, input);
}

async function settleRange(at: Place, input: ReadOutputInput, written: number): Promise<Range | Failed> {
  if (input.from_line === undefined && input.to_line === undefined) {
    const from = input.from ?? 0;
    const first = from < 0 ? Math.max(0, written + from) : Math.min(from, written);
    return { from: first, to: Math.max(first, Math.min(input.to ?? written, written)), warnings: [] };
  }
  if (input.from !== undefined || input.to !== undefined) {
    return fail('INVALID_ARGUMENTS', 'arguments "from" and "from_line" exclude each other: give bytes or lines');
  }
  const fromLine = input.from_line ?? 1;
  if (input.to_line !== undefined && input.to_line < fromLine) {
    return fail('INVALID_ARGUMENTS', `argument "to_line" must be at least "from_line", which is ${fromLine}`);
  }
  const first = await findLine(at, fromLine);
  const behind = input.to_line === undefined ? null : await findLine(at, input.to_line + 1);
  return { from: first.offset, to: behind?.offset ?? written, warnings: lineWarnings(fromLine, first, written) };
}

/** Nothing there, dropped and never printed are three different things. */
function lineWarnings(asked: number, found: FindLineReply, written: number): readonly string[] {
  if (found.line > asked) {
    return [`line ${asked} was dropped by the quota of the log; what is kept goes on in line ${found.line}`];
  }
  return found.offset === written && asked > 1 ? [`there is no line ${asked}: the output ends before it`] : [];
}

interface Shown {
  readonly text: string;
  readonly bytes: number;
  readonly binary: boolean;
}

async function readRange(at: Place, info: SessionInfo, range: Range, input: ReadOutputInput): Promise<ToolOutcome> {
  const { settings, box } = at.turn.machine;
  const budget = Math.min(input.max_output_tokens ?? settings.defaultOutputTokens, settings.maxOutputTokens) * 4;
  const max = Math.min(range.to - range.from, budget);
  const reply = await box.read(at.turn.owner, { session: at.session, stream: at.stream, from: range.from, max });
  // Behind a gap the box answers with what comes next, which may be more than was asked for.
  const bytes = reply.bytes.subarray(0, Math.max(0, range.to - reply.from));
  const whole = reply.from + bytes.length >= range.to;
  const shown =
    input.encoding === 'base64'
      ? asBase64(bytes, budget)
      : asText(bytes, { budget, whole, raw: input.raw === true, ended: info.state.kind !== 'running' });
  const next = reply.from + shown.bytes;
  return finish(info, {
    from: reply.from,
    next,
    written: reply.written,
    dropped: reply.dropped,
    output: shown.text,
    binary: shown.binary,
    more: next < reply.written,
    warnings: [
      ...range.warnings,
      ...(reply.dropped > 0
        ? [`${reply.dropped} bytes were dropped by the quota of the log; what is kept goes on at from=${reply.from}`]
        : []),
    ],
  });
}

interface TextOptions {
  readonly budget: number;
  /** nothing of the asked range comes after these bytes */
  readonly whole: boolean;
  readonly raw: boolean;
  readonly ended: boolean;
}

function asText(given: Uint8Array, options: TextOptions): Shown {
  const bytes = options.whole ? given : upToLineEnd(given);
  const decoded = decodeUtf8(bytes, { atEnd: options.ended && options.whole });
  const text = options.raw ? decoded.text : cleanOutput(decoded.text, { atEnd: true }).text;
  const size = Buffer.byteLength(text);
  // Each byte that is not UTF-8 becomes three.
  if (size > options.budget) {
    return asText(bytes.subarray(0, Math.floor((bytes.length * options.budget) / size)), { ...options, whole: false });
  }
  // A beginning that is not the end of a line gives no text: it is taken as it is, so that reading always goes on.
  const held = decoded.heldBytes < bytes.length ? decoded.heldBytes : 0;
  return { text, bytes: bytes.length - held, binary: decoded.binary };
}

function asBase64(given: Uint8Array, budget: number): Shown {
  const bytes = given.subarray(0, Math.floor(budget / 4) * 3);
  return { text: Buffer.from(bytes).toString('base64'), bytes: bytes.length, binary: !isUtf8(bytes) };
}

/** A cut in the middle of the last line would be read as two lines. */
function upToLineEnd(bytes: Uint8Array): Uint8Array {
  const end = bytes.lastIndexOf(LINE_FEED) + 1;
  return end > bytes.length / 2 ? bytes.subarray(0, end) : bytes;
}

async function searchLines(
  at: Place,
  info: SessionInfo,
  range: Range,
  pattern: string,
  input: ReadOutputInput,
): Promise<ToolOutcome> {
  const wrong = wrongPattern(pattern);
  if (wrong !== undefined) return wrong;
  const { settings, box } = at.turn.machine;
  const max = input.max_matches ?? DEFAULT_MATCHES;
  const reply = await box.search(at.turn.owner, {
    session: at.session,
    stream: at.stream,
    pattern,
    from: range.from,
    maxMatches: max,
  });
  const budget = Math.min(input.max_output_tokens ?? settings.defaultOutputTokens, settings.maxOutputTokens) * 2;
  const matches: NonNullable<ReadOutputOutput['matches']> = [];
  let chars = 0;
  for (const { offset, line, text } of reply.matches) {
    const shown = cutLine(input.raw === true ? text : cleanOutput(text, { atEnd: true }).text.trimEnd());
    chars += shown.length;
    if (offset >= range.to || chars > budget) break;
    matches.push({ offset, line, text: shown });
  }
  const cut = matches.length < reply.matches.length && (reply.matches[matches.length]?.offset ?? range.to) < range.to;
  const more = cut || (reply.more && matches.length === reply.matches.length && reply.next < range.to);
  const next = more ? (cut ? (reply.matches[matches.length]?.offset ?? range.to) : reply.next) : range.to;
  return finish(info, {
    from: range.from,
    next,
    written: info.written,
    dropped: 0,
    output: matches.map(({ line, text }) => `${line}: ${text}\n`).join(''),
    binary: false,
    matches,
    more,
    warnings: [
      ...range.warnings,
      ...(matches.length === 0 && !more ? ['no line matches'] : []),
      ...(reply.more && more && !cut && matches.length < max
        ? [`searched up to byte ${next} in the time there is`]
        : []),
    ],
  });
}

const cutLine = (text: string): string =>
  text.length <= MAX_MATCH_CHARS ? text : `${text.slice(0, MAX_MATCH_CHARS).toWellFormed()}…`;

function wrongPattern(pattern: string): Failed | undefined {
  try {
    void new RegExp(pattern, 'u');
    return undefined;
  } catch {
    try {
      void new RegExp(pattern);
      return undefined;
    } catch (fault) {
      const why = fault instanceof Error ? fault.message : 'it cannot be read';
      return fail('INVALID_ARGUMENTS', `argument "pattern" is no regular expression: ${why}`);
    }
  }
}

function finish(info: SessionInfo, part: Omit<ReadOutputOutput, 'session_id' | 'state' | 'exit_code'>): ToolOutcome {
  const structured: ReadOutputOutput = {
    session_id: info.session,
    state: info.state.kind,
    ...(info.state.kind === 'exited' ? { exit_code: info.state.exit.code } : {}),
    ...part,
  };
  const lines = [
    `Bytes ${part.from} to ${part.next} of ${part.written} of ${info.session} (${info.state.kind})`,
    ...part.warnings.map((warning) => `Warning: ${warning}`),
    ...(part.more ? [`More: from=${part.next}`] : []),
    'Output:',
  ];
  return done(`${lines.join('\n')}\n${part.output}`, structured);
}
