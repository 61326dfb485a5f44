/** Performs one parsed request on the box: the only place that knows both the wire's operations and the box's parts. */
import { constants } from 'node:os';
import { unreachable } from '@agentbox/base';
import {
  AgentboxError,
  type BoxFacts,
  type BoxRequest,
  type PatchCommand,
  type PatchReply,
  type PatchRequest,
} from '@agentbox/protocol';
import type { BoxGuard } from '../guard/box-guard.ts';
import type { Searcher } from '../search.ts';
import type { Sessions } from '../session/sessions.ts';
import type { Answer } from './connection.ts';

export interface FileOperations {
  applyPatch(request: PatchRequest): Promise<PatchReply>;
  parsePatchCommand(command: string): PatchCommand;
  readFile(path: string, maxBytes: number): Promise<Uint8Array>;
}

export interface PerformParts {
  readonly sessions: Sessions;
  readonly searcher: Searcher;
  readonly files: FileOperations;
  readonly guard: BoxGuard;
  readonly facts: () => Promise<BoxFacts>;
  readonly shutdown: () => Promise<void>;
}

type Handled = Exclude<BoxRequest, { op: 'watch' | 'unwatch' | 'cancel' }>;

const NOTHING: Answer = { header: {} };

export async function perform(
  parts: PerformParts,
  request: BoxRequest,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<Answer> {
  if (request.op === 'watch' || request.op === 'unwatch' || request.op === 'cancel') return NOTHING;
  return performHandled(parts, request, body, signal);
}

async function performHandled(
  parts: PerformParts,
  request: Handled,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<Answer> {
  const { sessions } = parts;
  switch (request.op) {
    case 'facts':
      return { header: await parts.facts() };
    case 'spawn':
      return { header: await sessions.spawn(request.request) };
    case 'collect': {
      const session = await sessions.find(request.owner, request.request.session);
      const { head, tail, ...header } = await session.collect(request.request, signal);
      const bytes = tail.length === 0 ? head : Buffer.concat([head, tail]);
      return { header: { ...header, headLength: head.length }, body: bytes };
    }
    case 'read': {
      const { bytes, ...header } = await (await sessions.find(request.owner, request.request.session)).read(
        request.request,
      );
      return { header, body: bytes };
    }
    case 'search': {
      const session = await sessions.find(request.owner, request.request.session);
      return { header: await parts.searcher.search(session.log(request.request.stream), request.request) };
    }
    case 'findLine': {
      const session = await sessions.find(request.owner, request.request.session);
      return { header: await session.log(request.request.stream).findLine(request.request.line) };
    }
    case 'write': {
      const session = await sessions.find(request.owner, request.request.session);
      return { header: await session.write({ ...request.request, bytes: body }) };
    }
    case 'resize':
      (await sessions.find(request.owner, request.session)).resize(request.size);
      return NOTHING;
    case 'kill': {
      const signalName = parseSignal(request.signal);
      return { header: await (await sessions.find(request.owner, request.session)).kill(signalName, request.waitMs) };
    }
    case 'interrupt': {
      const signalName = parseSignal(request.signal);
      (await sessions.find(request.owner, request.session)).interrupt(signalName);
      return NOTHING;
    }
    case 'info':
      return { header: (await sessions.find(request.owner, request.session)).info() };
    case 'bookmark':
      (await sessions.find(request.owner, request.session)).bookmark = request.text;
      return NOTHING;
    case 'list':
      return { header: await sessions.list(request.owner, request.after) };
    case 'patch':
      return { header: await parts.files.applyPatch(request.request) };
    case 'parsePatchCommand':
      return { header: parts.files.parsePatchCommand(request.command) };
    case 'readFile':
      return { header: {}, body: await parts.files.readFile(request.path, request.maxBytes) };
    case 'configure':
      return { header: await parts.guard.configure(request.settings) };
    case 'answer':
      return { header: await parts.guard.answer(request.request) };
    case 'execs':
      return { header: await parts.guard.execs(request.after, request.max) };
    case 'acknowledgeExecs':
      parts.guard.acknowledgeExecs(request.through);
      return NOTHING;
    case 'shutdown':
      await parts.shutdown();
      return NOTHING;
    default:
      return unreachable(request);
  }
}

const SIGNALS: ReadonlyMap<string, NodeJS.Signals> = new Map(
  signalNames().flatMap((name): readonly (readonly [string, NodeJS.Signals])[] => [
    [name, name],
    [name.slice(3), name],
  ]),
);

function signalNames(): readonly NodeJS.Signals[] {
  const isSignal = (name: string): name is NodeJS.Signals => name in constants.signals;
  return Object.keys(constants.signals).filter(isSignal);
}

function parseSignal(text: string): NodeJS.Signals {
  const found = SIGNALS.get(text.toUpperCase());
  if (found !== undefined) return found;
  throw new AgentboxError('SIGNAL_UNKNOWN', `there is no signal ${text}`, {
    known: ['INT', 'TERM', 'KILL', 'HUP', 'QUIT', 'USR1', 'USR2', 'STOP', 'CONT'],
  });
}
