/**
 * Searches a log line by line for a regular expression. The matching runs in a worker that is ended when its time is
 * up, so that no expression, however bad, stops the daemon; what was found until then is answered, with the place to
 * go on from.
 */
import { Worker } from 'node:worker_threads';
import { AgentboxError, type SearchReply, type SearchRequest } from '@agentbox/protocol';
import type { OutputLog } from './output/log.ts';

const SEGMENT_BYTES = 1024 * 1024;
const TIME_LIMIT_MS = 2000;
/** searches at once; more are refused */
const CONCURRENT = 4;
const LINE_TEXT = 2000;

/** Plain JavaScript, because a bundle has no second file to load. Lines carry over from segment to segment. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const pattern = new RegExp(workerData.pattern);
// What matches a line matches the lines together, unless it says what must not follow or precede.
const anyLine = /\\(\\?<?!/.test(workerData.pattern) ? null : new RegExp(workerData.pattern, 'm');
const countLines = (bytes, end) => {
  let found = 0;
  for (let at = 0; at < end; at += 1) if (bytes[at] === 10) found += 1;
  return found;
};
let carry = Buffer.alloc(0), at = workerData.from, line = workerData.line, matches = [];
const test = (bytes, offset) => {
  const text = bytes.toString('utf8').replace(/\\r$/, '');
  if (pattern.test(text)) matches.push({ offset, line, text: text.slice(0, workerData.lineText) });
  line += 1;
};
parentPort.on('message', ({ bytes, offset, behindGap, last }) => {
  if (behindGap !== null) { carry = Buffer.alloc(0); at = offset; line = behindGap; }
  const all = Buffer.concat([carry, Buffer.from(bytes)]);
  const lastEnd = all.lastIndexOf(10);
  const none = anyLine !== null && lastEnd > 0 && !anyLine.test(all.toString('utf8', 0, lastEnd));
  let start = none ? lastEnd + 1 : 0;
  if (none) line += countLines(all, start);
  for (let end = all.indexOf(10, start); end >= 0 && matches.length <= workerData.max; end = all.indexOf(10, start)) {
    test(all.subarray(start, end), at + start);
    start = end + 1;
  }
  carry = all.subarray(start, start + 1048576); at += start;
  if (last && carry.length > 0 && matches.length <= workerData.max) test(carry, at);
  parentPort.postMessage({ matches, done: last || matches.length > workerData.max, at });
  matches = matches.slice();
});
`;

interface Progress {
  readonly matches: SearchReply['matches'];
  readonly done: boolean;
  /** every line before it was tested */
  readonly at: number;
}

export class Searcher {
  #running = 0;

  async search(log: OutputLog, request: SearchRequest): Promise<SearchReply> {
    checkPattern(request.pattern);
    if (this.#running >= CONCURRENT)
      throw new AgentboxError('OVERLOADED', `${CONCURRENT} searches are running already`);
    this.#running += 1;
    try {
      return await searchIn(log, request);
    } finally {
      this.#running -= 1;
    }
  }
}

async function searchIn(log: OutputLog, request: SearchRequest): Promise<SearchReply> {
  const line = await log.lineAt(Math.min(request.from, log.written));
  const worker = new Worker(WORKER, {
    eval: true,
    workerData: { pattern: request.pattern, from: request.from, line, max: request.maxMatches, lineText: LINE_TEXT },
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
  const ended = endOf(worker);
  const timer = setTimeout(() => void worker.terminate(), TIME_LIMIT_MS);
  try {
    return await feed({ worker, ended }, log, request);
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** Also when it ends while nobody asks it anything; a fault of its own is told to whoever asks next. */
function endOf(worker: Worker): Promise<'out of time'> {
  const ended = new Promise<'out of time'>((resolve, reject) => {
    worker.on('exit', () => resolve('out of time'));
    worker.on('error', (fault) => reject(new AgentboxError('INTERNAL', 'the search failed', {}, { cause: fault })));
  });
  ended.catch(() => undefined);
  return ended;
}

function checkPattern(pattern: string): void {
  try {
    // Only to learn whether it is one: it is never run here.
    RegExp(pattern);
  } catch (fault) {
    throw new AgentboxError('INVALID_ARGUMENTS', fault instanceof Error ? fault.message : 'not a regular expression');
  }
}

async function feed(asked: Asked, log: OutputLog, request: SearchRequest): Promise<SearchReply> {
  const end = log.written;
  let found: Progress = { matches: [], done: false, at: request.from };
  for (let at = request.from; ; ) {
    const slice = await nextSegment(log, at, end);
    at = slice.offset + slice.bytes.length;
    const answer = await ask(asked, slice);
    // A place to go on from is an answer; an expression that does not get through one segment has none.
    if (answer === 'out of time' && found.at > request.from) return { ...cut(found, request), more: true };
    if (answer === 'out of time') throw outOfTime();
    if (answer.done) return cut(answer, request);
    found = answer;
  }
}

function cut({ matches, at }: Progress, { maxMatches }: SearchRequest): SearchReply {
  const over = matches[maxMatches];
  return { matches: matches.slice(0, maxMatches), more: over !== undefined, next: over?.offset ?? at };
}

/** A worker, and how it ends. */
interface Asked {
  readonly worker: Worker;
  readonly ended: Promise<'out of time'>;
}

interface Segment {
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** number of the line that the segment begins in, where it does not follow the one before */
  readonly behindGap: number | null;
  readonly last: boolean;
}

async function nextSegment(log: OutputLog, from: number, end: number): Promise<Segment> {
  const max = Math.min(SEGMENT_BYTES, Math.max(0, end - from));
  const asked = await log.read(from, max);
  const kept = asked.bytes.length === 0 && from < end ? log.keptFrom(from) : asked.from;
  const slice = kept === asked.from ? asked : await log.read(kept, Math.min(SEGMENT_BYTES, Math.max(0, end - kept)));
  return {
    bytes: slice.bytes,
    offset: slice.from,
    behindGap: slice.from === from ? null : await log.lineAt(slice.from),
    last: slice.bytes.length === 0 || slice.from + slice.bytes.length >= end,
  };
}

const outOfTime = (): AgentboxError =>
  new AgentboxError('TIMED_OUT', `the expression is too slow: one part of the output took over ${TIME_LIMIT_MS} ms`, {
    limitMs: TIME_LIMIT_MS,
  });

async function ask({ worker, ended }: Asked, message: Segment): Promise<Progress | 'out of time'> {
  const answered = Promise.withResolvers<Progress>();
  worker.on('message', answered.resolve);
  try {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
    worker.postMessage(message);
    return await Promise.race([answered.promise, ended]);
  } finally {
    worker.off('message', answered.resolve);
  }
}
