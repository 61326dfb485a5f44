/** Decides whether a body is one JSON-RPC message or a batch, before any part of the protocol sees it. Pure. */
import { isDeeperThan, isRecord, type JsonObject } from './json.ts';
import type { DoorLimits } from './limits.ts';

export type MessageId = string | number;

/** What a body is; a refusal carries the id that could be read. */
export type ReadMessage =
  | { readonly kind: 'single'; readonly message: JsonObject }
  | { readonly kind: 'batch'; readonly messages: readonly JsonObject[] }
  | Refusal;

export interface Refusal {
  readonly kind: 'refuse';
  readonly status: number;
  readonly code: number;
  readonly reason: string;
  readonly id: MessageId | null;
}

export const PARSE_ERROR = -32_700;
export const INVALID_REQUEST = -32_600;

/** Longer ids are refused: they are echoed, stored and compared. */
const MAX_ID_LENGTH = 512;
const MAX_METHOD_LENGTH = 256;

export function refuse(code: number, reason: string, id: MessageId | null = null, status = 400): Refusal {
  return { kind: 'refuse', status, code, reason, id };
}

export function readMessage(body: unknown, limits: DoorLimits): ReadMessage {
  if (isDeeperThan(body, limits.jsonDepth)) {
    return refuse(INVALID_REQUEST, `The message nests deeper than ${String(limits.jsonDepth)} levels.`);
  }
  if (!Array.isArray(body)) return readSingle(body);
  if (body.length === 0) return refuse(INVALID_REQUEST, 'The batch is empty.');
  if (body.length > limits.batchMessages) {
    return refuse(INVALID_REQUEST, `A batch holds at most ${String(limits.batchMessages)} messages.`);
  }
  const messages: JsonObject[] = [];
  for (const element of body) {
    const read = readSingle(element);
    if (read.kind === 'refuse') return refuse(read.code, read.reason);
    messages.push(read.message);
  }
  return { kind: 'batch', messages };
}

function readSingle(value: unknown): Refusal | { readonly kind: 'single'; readonly message: JsonObject } {
  if (!isRecord(value)) return refuse(INVALID_REQUEST, 'A message is a JSON object.');
  const id = messageIdOf(value);
  const problem = problemOf(value);
  return problem === undefined ? { kind: 'single', message: value } : refuse(INVALID_REQUEST, problem, id);
}

/** In the order of the fields; the first problem is told. */
function problemOf(message: JsonObject): string | undefined {
  const { jsonrpc, method, id, params } = message;
  if (jsonrpc !== '2.0') return '`jsonrpc` must be "2.0".';
  if ('id' in message && messageIdOf(message) === null) {
    return typeof id === 'string'
      ? `\`id\` is longer than ${String(MAX_ID_LENGTH)} characters.`
      : '`id` must be a string or a whole number.';
  }
  if (method === undefined) {
    return 'result' in message || isRecord(message['error']) ? undefined : '`method` is missing.';
  }
  if (typeof method !== 'string' || method.length > MAX_METHOD_LENGTH) return '`method` must be a short string.';
  if (params !== undefined && !isRecord(params)) return '`params` must be an object.';
  return undefined;
}

/** The id that an answer can carry; null when there is none. */
export function messageIdOf(message: unknown): MessageId | null {
  if (!isRecord(message)) return null;
  const { id } = message;
  if (typeof id === 'string') return id.length <= MAX_ID_LENGTH ? id : null;
  return Number.isSafeInteger(id) && typeof id === 'number' ? id : null;
}

export function methodOf(message: JsonObject): string | undefined {
  return typeof message['method'] === 'string' ? message['method'] : undefined;
}

/** A request has a method and an id; a notification only a method; an answer only an id. */
export function isRequest(message: JsonObject): boolean {
  return methodOf(message) !== undefined && messageIdOf(message) !== null;
}
