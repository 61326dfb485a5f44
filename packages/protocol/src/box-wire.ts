/**
 * The wire between the server and a box daemon: u32 length of what follows, u32 header length, JSON header, body.
 * Both lengths are big endian. Requests carry an `id`, answers repeat it; events carry a sequence and no id.
 * The codec never trusts a length: a frame over a ceiling is refused before a byte of it is stored.
 */
import { z } from 'zod';
import { QUESTION_ANSWERS } from './guard.ts';
import { deniedExec, execEntry, execQuestion, sandboxProfile } from './guard-wire.ts';
import {
  type PrincipalId,
  parsePrincipalId,
  parseQuestionId,
  parseSessionId,
  type QuestionId,
  type SessionId,
} from './ids.ts';
import { PROFILE_NAMES } from './sandbox.ts';

/** Grows with every change that a peer of the version before would not understand. */
export const BOX_PROTOCOL_VERSION = 4;

export const FRAME_LIMITS = {
  /** JSON header, in bytes */
  headerBytes: 8 * 1024 * 1024,
  /** binary body, in bytes */
  bodyBytes: 32 * 1024 * 1024,
} as const;

export interface Frame {
  readonly header: unknown;
  readonly body: Uint8Array;
}

/** Why a peer's bytes are not frames; the connection ends with it. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const PREFIX_BYTES = 8;
const NO_BODY = new Uint8Array(0);

export function encodeFrame(header: unknown, body: Uint8Array = NO_BODY): readonly Uint8Array[] {
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  if (text.length > FRAME_LIMITS.headerBytes) throw new FrameError(`header of ${text.length} bytes is too large`);
  if (body.length > FRAME_LIMITS.bodyBytes) throw new FrameError(`body of ${body.length} bytes is too large`);
  const start = Buffer.allocUnsafe(PREFIX_BYTES + text.length);
  start.writeUInt32BE(4 + text.length + body.length, 0);
  start.writeUInt32BE(text.length, 4);
  text.copy(start, PREFIX_BYTES);
  return body.length === 0 ? [start] : [start, body];
}

/** Turns a stream of chunks into frames. Holds at most one unfinished frame. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #held = 0;
  /** bytes that must be held before it is worth looking again */
  #needed = PREFIX_BYTES;

  /** Throws FrameError for bytes that are no frame; the reader is useless afterwards. */
  push(chunk: Uint8Array): readonly Frame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return [];
    let bytes: Buffer = Buffer.concat(this.#chunks);
    const frames: Frame[] = [];
    for (;;) {
      const size = frameSize(bytes);
      this.#needed = size ?? PREFIX_BYTES;
      if (size === undefined || bytes.length < size) break;
      frames.push(parseFrame(bytes.subarray(0, size)));
      bytes = bytes.subarray(size);
    }
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    this.#held = bytes.length;
    return frames;
  }
}

function frameSize(bytes: Buffer): number | undefined {
  if (bytes.length < PREFIX_BYTES) return undefined;
  const length = bytes.readUInt32BE(0);
  const headerLength = bytes.readUInt32BE(4);
  if (headerLength > FRAME_LIMITS.headerBytes) throw new FrameError(`header of ${headerLength} bytes is too large`);
  const bodyLength = length - 4 - headerLength;
  if (bodyLength < 0) throw new FrameError('header is longer than its frame');
  if (bodyLength > FRAME_LIMITS.bodyBytes) throw new FrameError(`body of ${bodyLength} bytes is too large`);
  return 4 + length;
}

function parseFrame(bytes: Buffer): Frame {
  const end = PREFIX_BYTES + bytes.readUInt32BE(4);
  try {
    const header: unknown = JSON.parse(bytes.toString('utf8', PREFIX_BYTES, end));
    return { header, body: bytes.subarray(end) };
  } catch {
    throw new FrameError('header is not JSON');
  }
}

const count = z.number().int().nonnegative().safe();
const session = z.custom<SessionId>((value) => typeof value === 'string' && parseSessionId(value) !== undefined);
const owner = z.custom<PrincipalId>((value) => typeof value === 'string' && parsePrincipalId(value) !== undefined);
const question = z.custom<QuestionId>((value) => typeof value === 'string' && parseQuestionId(value) !== undefined);
const path = z.string().min(1).max(8192);
const stream = z.enum(['output', 'stderr']);
const signal = z.string().max(16);
const size = z.object({ cols: z.number().int().min(1).max(4096), rows: z.number().int().min(1).max(4096) });
const millis = z.number().int().min(0).max(86_400_000);

const spawnIo = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pipe'), stdin: z.boolean(), stderr: z.enum(['merged', 'separate']) }),
  z.object({ kind: z.literal('tty'), size }),
]);

const spawnRequest = z.object({
  session,
  owner,
  command: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('shell'),
      text: z.string(),
      shell: z.string().min(1).max(4096).nullable(),
      login: z.boolean(),
    }),
    z.object({ kind: z.literal('argv'), argv: z.array(z.string()).min(1).max(65_536) }),
  ]),
  cwd: path,
  env: z.record(z.string().min(1).max(1024), z.string()),
  io: spawnIo,
  onExit: z.enum(['keep', 'kill']),
  profile: sandboxProfile.nullable(),
});

const policySettings = z.object({
  sources: z.array(z.object({ directory: path, layer: z.enum(['team', 'user', 'project']) })).max(64),
  amendFile: path,
  unmatched: z.enum(['run', 'ask', 'deny']),
  questionMs: millis,
  ownPorts: z.array(count.max(65_535)).max(64),
  means: z
    .object({
      engine: z.discriminatedUnion('kind', [
        z.object({
          kind: z.literal('namespaces'),
          bubblewrap: z.object({ program: path, version: z.tuple([count, count, count]) }),
        }),
        z.object({ kind: z.literal('landlock') }),
      ]),
      groupLimits: z.boolean(),
    })
    .nullable(),
});

const bytesRange = z.object({ session, stream, from: count, max: count.max(FRAME_LIMITS.bodyBytes) });
const id = count;

/** What a client may ask. `write` carries its bytes in the body, `patch` its text in the header. */
export const boxRequest = z.discriminatedUnion('op', [
  z.object({ id, op: z.literal('facts') }),
  z.object({ id, op: z.literal('spawn'), request: spawnRequest }),
  z.object({
    id,
    op: z.literal('collect'),
    owner,
    request: z.object({
      session,
      from: count,
      headBytes: count.max(FRAME_LIMITS.bodyBytes / 2),
      tailBytes: count.max(FRAME_LIMITS.bodyBytes / 2),
      waitMs: millis,
      stream,
      untilInput: z.boolean(),
      untilOutput: z.boolean().default(false),
      knownQuestions: z.array(question).max(1000).nullable().default(null),
    }),
  }),
  z.object({ id, op: z.literal('read'), owner, request: bytesRange }),
  z.object({
    id,
    op: z.literal('search'),
    owner,
    request: z.object({
      session,
      stream,
      pattern: z.string().max(4096),
      from: count,
      maxMatches: z.number().int().min(1).max(1000),
    }),
  }),
  z.object({ id, op: z.literal('findLine'), owner, request: z.object({ session, stream, line: count.min(1) }) }),
  z.object({
    id,
    op: z.literal('write'),
    owner,
    request: z.object({ session, at: count.nullable(), eof: z.boolean() }),
  }),
  z.object({ id, op: z.literal('resize'), owner, session, size }),
  z.object({ id, op: z.literal('kill'), owner, session, signal, waitMs: millis }),
  z.object({ id, op: z.literal('interrupt'), owner, session, signal }),
  z.object({ id, op: z.literal('info'), owner, session }),
  z.object({ id, op: z.literal('bookmark'), owner, session, text: z.string().max(256) }),
  z.object({ id, op: z.literal('list'), owner: owner.nullable(), after: session.nullable() }),
  z.object({ id, op: z.literal('watch'), from: count }),
  z.object({ id, op: z.literal('unwatch') }),
  z.object({
    id,
    op: z.literal('patch'),
    request: z.object({
      patch: z.string(),
      cwd: path,
      workspace: path.nullable(),
      profile: sandboxProfile.nullable(),
      options: z.object({ atomic: z.boolean(), strict: z.boolean(), clobber: z.boolean() }),
    }),
  }),
  z.object({ id, op: z.literal('parsePatchCommand'), command: z.string() }),
  z.object({ id, op: z.literal('readFile'), path, maxBytes: count.max(FRAME_LIMITS.bodyBytes) }),
  z.object({ id, op: z.literal('configure'), settings: policySettings }),
  z.object({
    id,
    op: z.literal('answer'),
    request: z.object({
      question,
      bindsTo: z.string().max(128),
      decision: z.enum(QUESTION_ANSWERS),
      note: z.string().max(2000).nullable(),
    }),
  }),
  z.object({ id, op: z.literal('execs'), after: count, max: count.max(1000) }),
  z.object({ id, op: z.literal('acknowledgeExecs'), through: count }),
  z.object({ id, op: z.literal('cancel'), target: id }),
  z.object({ id, op: z.literal('shutdown') }),
]);

export type BoxRequest = z.infer<typeof boxRequest>;

/** The first frame of a client. `key` is the content of the box's 0600 key file. */
export const boxHello = z.object({ hello: z.object({ protocol: count, key: z.string().max(256) }) });
export const boxWelcome = z.object({ welcome: z.object({ protocol: count, pid: count, version: z.string() }) });
/** The last frame of a daemon that gives up on a connection. */
export const boxGoodbye = z.object({
  goodbye: z.string(),
  /** told to whoever has the key and speaks another version: `living` counts the sessions of which something runs */
  other: z.object({ protocol: count, version: z.string(), living: count }).optional(),
});

const exit = z.object({ code: z.number(), signal: z.string().nullable(), at: z.number() });
const background = z.object({ pid: count, command: z.string(), ports: z.array(count) });
const state = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('running') }),
  z.object({ kind: z.literal('exited'), exit, background: z.array(background) }),
  z.object({ kind: z.literal('lost'), cause: z.string() }),
]);
const sessionInfo = z.object({
  session,
  owner,
  command: z.string(),
  cwd: z.string(),
  io: spawnIo,
  profile: z.enum(PROFILE_NAMES),
  pid: count,
  startedAt: z.number(),
  state,
  written: count,
  notes: z.array(z.string()),
  bookmark: z.string().nullable(),
});

const policyState = z.object({ rules: count, files: z.array(z.string()), problems: z.array(z.string()) });

/** The headers of answers, by operation. Binary parts travel in the body. */
export const boxReplies = {
  facts: z.object({
    pid: count,
    version: z.string(),
    hostname: z.string(),
    user: z.string(),
    home: z.string(),
    osRelease: z.string(),
    shell: z.string(),
    tracking: z.enum(['cgroup2', 'cgroup1', 'procfs']),
    tools: z.array(z.object({ name: z.string(), path: z.string() })),
    notes: z.array(z.string()),
  }),
  spawn: z.object({ pid: count, startedAt: z.number() }),
  /** the body is the head and then the tail */
  collect: z.object({
    state,
    from: count,
    next: count,
    omitted: count,
    dropped: count,
    newlines: count,
    awaitingInput: z.object({ text: z.string(), echo: z.boolean() }).nullable(),
    silentInput: z.boolean(),
    screenFrom: count.nullable(),
    size: size.nullable(),
    questions: z.array(execQuestion),
    denied: z.array(deniedExec),
    heldMs: z.number(),
    headLength: count,
  }),
  read: z.object({ from: count, next: count, written: count, dropped: count }),
  search: z.object({
    matches: z.array(z.object({ offset: count, line: count, text: z.string() })),
    more: z.boolean(),
    next: count,
  }),
  findLine: z.object({ offset: count, line: count }),
  write: z.object({ accepted: count }),
  resize: z.object({}),
  kill: z.object({ signalled: count, alive: count, state }),
  interrupt: z.object({}),
  info: sessionInfo,
  bookmark: z.object({}),
  list: z.object({ sessions: z.array(sessionInfo), next: session.nullable() }),
  watch: z.object({ next: count }),
  unwatch: z.object({}),
  patch: z.object({
    exitCode: z.number(),
    stdout: z.string(),
    stderr: z.string(),
    files: z.array(
      z.object({
        path: z.string(),
        change: z.enum(['added', 'modified', 'deleted', 'moved', 'overwritten', 'unchanged']),
        movedFrom: z.string().nullable(),
        added: count,
        removed: count,
      }),
    ),
    notes: z.array(z.string()),
    failure: z
      .object({
        code: z.string(),
        detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
      })
      .nullable(),
  }),
  parsePatchCommand: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('patch'), patch: z.string(), workdir: z.string().nullable() }),
    z.object({ kind: z.literal('bare') }),
    z.object({ kind: z.literal('other') }),
  ]),
  readFile: z.object({}),
  configure: policyState,
  answer: z.object({
    state: z.enum(['taken', 'gone']),
    rule: z.object({ file: z.string(), line: count, text: z.string() }).nullable(),
  }),
  execs: z.object({ entries: z.array(execEntry), last: count }),
  acknowledgeExecs: z.object({}),
  cancel: z.object({}),
  shutdown: z.object({}),
} as const;

export const boxFailure = z.object({
  code: z.string(),
  message: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
});

export const boxEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('state'), sequence: count, session, state }),
  z.object({ kind: z.literal('output'), sequence: count, session, written: count }),
  z.object({ kind: z.literal('questions'), sequence: count, session, open: z.array(execQuestion) }),
  z.object({ kind: z.literal('execs'), sequence: count, last: count }),
  z.object({ kind: z.literal('policy'), sequence: count, state: policyState }),
]);

/** What a daemon sends after the welcome. */
export const boxMessage = z.union([
  z.object({ id, ok: z.unknown() }),
  z.object({ id, error: boxFailure }),
  z.object({ event: boxEvent }),
  boxGoodbye,
]);
export type BoxMessage = z.infer<typeof boxMessage>;
