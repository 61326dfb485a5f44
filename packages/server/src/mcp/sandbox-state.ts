/**
 * What clients say of the sandbox that their calls belong in: with each call (`_meta`), or for a session of 2025-* by a
 * request or a notification. Decides which of them counts; what it comes to is decided where the operator's ceiling is
 * known. A state that cannot be read is refused with the field at fault and none of its values.
 */
import type { ClientSandboxState } from '@agentbox/control-plane';
import type { SandboxWish } from '@agentbox/protocol';
import type { ProtocolError, Server } from '@modelcontextprotocol/server';
import { isRecord } from './json.ts';
import { invalidParams } from './params.ts';

export const SANDBOX_STATE_UPDATE = 'codex/sandbox-state/update';
const SANDBOX_STATE_META = 'codex/sandbox-state-meta';
/** What a session of 2025-* declares; without sessions there is nothing that an update could change. */
export const SANDBOX_STATE_CAPABILITIES = {
  legacy: { 'codex/sandbox-state': { version: '1.0.0' }, [SANDBOX_STATE_META]: {} },
  modern: { [SANDBOX_STATE_META]: {} },
} as const;

type ParsedSandboxState =
  | { readonly kind: 'ok'; readonly wish: SandboxWish; readonly facts: ClientSandboxState['facts'] }
  /** `field` is a path such as `sandboxPolicy.type`, `expected` ends a sentence that says what it must be */
  | { readonly kind: 'wrong'; readonly field: string; readonly expected: string };

/** Takes whatever came. Pure, and bounded by what the door takes. */
export type ParseSandboxState = (given: unknown) => ParsedSandboxState;

/** in characters of JSON: a session keeps its state for as long as it lives */
const MAX_STATE_CHARS = 64 * 1024;

/** What the last update of a session left. */
export interface SandboxStateCell {
  /** a problem is what a notification left that nobody could be told about: the next call is */
  current: ClientSandboxState | ProtocolError | null;
}

export function newSandboxStateCell(): SandboxStateCell {
  return { current: null };
}

/** An update that is refused changes nothing. */
export function updateByRequest(parse: ParseSandboxState, cell: SandboxStateCell, params: unknown): void {
  cell.current = parseOrThrow(parse, params, 'session', 'params');
}

/**
 * The update as a notification. After one that cannot be read calls are refused: the client takes its sandbox for granted.
 * As the fallback it is heard before a request that came right behind it; a handler with a schema would be late.
 */
export function hearSandboxState(server: Server, parse: ParseSandboxState, cell: SandboxStateCell): void {
  server.fallbackNotificationHandler = ({ method, params }) => {
    if (method === SANDBOX_STATE_UPDATE) cell.current = readState(parse, params, 'session', 'params');
    return Promise.resolve();
  };
}

/** The state of one call: its own, else that of its session. */
export function sandboxStateOf(
  parse: ParseSandboxState,
  meta: unknown,
  cell: SandboxStateCell | null,
): ClientSandboxState | null {
  if (isRecord(meta) && meta[SANDBOX_STATE_META] !== undefined) {
    return parseOrThrow(parse, meta[SANDBOX_STATE_META], 'call', `_meta["${SANDBOX_STATE_META}"]`);
  }
  const current = cell?.current ?? null;
  if (current instanceof Error) throw current;
  return current;
}

function parseOrThrow(
  parse: ParseSandboxState,
  given: unknown,
  from: ClientSandboxState['from'],
  where: string,
): ClientSandboxState {
  const read = readState(parse, given, from, where);
  if (read instanceof Error) throw read;
  return read;
}

function readState(
  parse: ParseSandboxState,
  given: unknown,
  from: ClientSandboxState['from'],
  where: string,
): ClientSandboxState | ProtocolError {
  const parsed = isTooLong(given) ? TOO_LONG : parse(given);
  if (parsed.kind === 'ok') return { from, wish: parsed.wish, facts: parsed.facts };
  const { field, expected } = parsed;
  const name = field === '' ? where : `${where}.${field}`;
  return invalidParams(`Invalid sandbox state: ${name} must be ${expected}. Nothing was changed and nothing was run.`, {
    field: name,
  });
}

const TOO_LONG = {
  kind: 'wrong',
  field: '',
  expected: `at most ${String(MAX_STATE_CHARS)} characters of JSON`,
} as const;

const isTooLong = (given: unknown): boolean => (JSON.stringify(given) ?? '').length > MAX_STATE_CHARS;
