/** One request of one caller in one era, as the methods of the door see it. Everything the SDK knows is read here. */
import type { ClientCapabilities, LogEntry, Progress } from '@agentbox/control-plane';
import { newTraceId, parseTraceId, type TraceId } from '@agentbox/protocol';
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  SdkError,
  SdkErrorCode,
  type Server,
  type ServerContext,
  TRACEPARENT_META_KEY,
} from '@modelcontextprotocol/server';
import type { DoorCaller } from './deps.ts';
import { isRecord, type JsonObject } from './json.ts';
import type { DoorLimits } from './limits.ts';
import type { SandboxStateCell } from './sandbox-state.ts';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** `modern`: 2026-07-28, every request stands alone. `legacy`: 2025-*, within a session. */
export type Era = 'modern' | 'legacy';

export interface Turn {
  readonly era: Era;
  readonly caller: DoorCaller;
  readonly client: ClientCapabilities;
  /** the resources that this session watches; null where there is no session */
  readonly watches: Set<string> | null;
  /** what this session said of its sandbox; null where there is no session */
  readonly sandbox: SandboxStateCell | null;
  /** aborted with reason `cancelled` or `disconnected`; made when it is first wanted */
  readonly signal: () => AbortSignal;
  readonly context: TurnContext;
}

type McpRequest = ServerContext['mcpReq'];

/** What the methods use of the request. */
interface TurnContext {
  readonly mcpReq: Pick<McpRequest, 'id' | 'method' | '_meta' | 'inputResponses' | 'requestState' | 'signal'> &
    Pick<McpRequest, 'notify' | 'log' | 'send'>;
  readonly http?: Pick<NonNullable<ServerContext['http']>, 'closeSSE'> | undefined;
}

/** Where a request came in: decides whose it is and what its client can do. */
export interface Entrance {
  readonly era: Era;
  readonly watches: Set<string> | null;
  readonly sandbox: SandboxStateCell | null;
  /** who opened the connection: decides what is advertised */
  readonly opener: DoorCaller;
  callerOf(context: ServerContext): DoorCaller;
}

export function turnOf(entrance: Entrance, server: Server, context: ServerContext): Turn {
  const envelope: JsonObject = { ...context.mcpReq.envelope };
  const client =
    entrance.era === 'modern'
      ? clientOf(envelope[CLIENT_INFO_META_KEY], envelope[CLIENT_CAPABILITIES_META_KEY])
      : clientOf(server.getClientVersion(), server.getClientCapabilities());
  const { era, watches, sandbox } = entrance;
  const signal = (): AbortSignal => signalOf(context.mcpReq.signal);
  return { era, caller: entrance.callerOf(context), client, watches, sandbox, signal, context };
}

export function clientOf(info: unknown, capabilities: unknown): ClientCapabilities {
  const declared: JsonObject = isRecord(capabilities) ? capabilities : {};
  const elicitation = declared['elicitation'];
  const extensions = declared['extensions'];
  const url = isRecord(elicitation) && isRecord(elicitation['url']);
  return {
    name: isRecord(info) && typeof info['name'] === 'string' ? info['name'].slice(0, 128) : 'unknown',
    version: isRecord(info) && typeof info['version'] === 'string' ? info['version'].slice(0, 64) : '',
    // An empty declaration is older than the two modes and means forms.
    elicitation: { form: isRecord(elicitation) && (isRecord(elicitation['form']) || !url), url },
    sampling: isRecord(declared['sampling']),
    roots: isRecord(declared['roots']),
    tasks: isRecord(extensions) && isRecord(extensions[TASKS_EXTENSION]),
  };
}

/** The caller's own trace when the request carries one, else a new one. */
export function traceIn(meta: unknown): TraceId {
  const header = isRecord(meta) ? meta[TRACEPARENT_META_KEY] : undefined;
  const named = typeof header === 'string' ? parseTraceId(header.split('-')[1] ?? '') : undefined;
  return named ?? newTraceId();
}

/** Aborted with reason `cancelled` or `disconnected`, whatever words the client or the SDK used. */
function signalOf(source: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const pass = (): void => {
    controller.abort(isDisconnect(source.reason) ? 'disconnected' : 'cancelled');
  };
  if (source.aborted) pass();
  else source.addEventListener('abort', pass, { once: true });
  return controller.signal;
}

/** The SDK aborts with this when a transport closes; with anything else when the client cancels. */
function isDisconnect(reason: unknown): boolean {
  return reason instanceof SdkError && reason.code === SdkErrorCode.ConnectionClosed;
}

/** Says whether one more notification may go out: a burst, then a rate. What is over is dropped. */
function createMeter(limits: DoorLimits): () => boolean {
  let left = limits.notificationBurst;
  let at = performance.now();
  return () => {
    const now = performance.now();
    left = Math.min(limits.notificationBurst, left + ((now - at) / 1000) * limits.notificationsPerSecond);
    at = now;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}

/** What a call may send before its answer. Sends only what the client asked for; progress never goes back. */
export function notifierOf(turn: Turn, limits: DoorLimits, onFault: (fault: unknown) => void) {
  const { _meta: meta, notify, log } = turn.context.mcpReq;
  const token = meta?.progressToken;
  const mayPass = createMeter(limits);
  let last = Number.NEGATIVE_INFINITY;
  return {
    progress: (progress: Progress): void => {
      if (token === undefined || progress.progress <= last || !mayPass()) return;
      last = progress.progress;
      const total = progress.total === null ? {} : { total: progress.total };
      const params = { progressToken: token, progress: progress.progress, ...total, message: progress.message };
      notify({ method: 'notifications/progress', params }).catch(onFault);
    },
    log: (entry: LogEntry): void => {
      if (mayPass()) log(entry.level, entry.message).catch(onFault);
    },
  };
}
