/** Branded identifiers: parsed once at the door, accepted as brands inside. */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Who calls: `p_` and 16 characters, or `operator`. */
export type PrincipalId = Brand<string, 'PrincipalId'>;
/** A terminal or process that may outlive the call that began it: `s_` and 12 characters of SESSION_ALPHABET. */
export type SessionId = Brand<string, 'SessionId'>;
/** One tool call, also the idempotency key of what it starts: `c_` and 20 characters. */
export type CallId = Brand<string, 'CallId'>;
/** Something that waits for a person: `q_` and 12 characters. */
export type QuestionId = Brand<string, 'QuestionId'>;
/** W3C trace id, 32 hexadecimal digits. */
export type TraceId = Brand<string, 'TraceId'>;
/** The name of a tool source, lower case: `machine`, `forge`, ... */
export type ProviderId = Brand<string, 'ProviderId'>;

/** Digits and lower-case letters without 0, 1, i, l, o, u: 30 characters, about 4.9 bits each. */
const ALPHABET = '23456789abcdefghjkmnpqrstvwxyz';

const SHAPES = {
  PrincipalId: /^(operator|p_[a-z0-9]{16})$/,
  SessionId: /^s_[a-z0-9]{12}$/,
  QuestionId: /^q_[a-z0-9]{12}$/,
  CallId: /^c_[a-z0-9]{20}$/,
  TraceId: /^[0-9a-f]{32}$/,
  ProviderId: /^[a-z][a-z0-9-]{0,31}$/,
} as const;

export function parsePrincipalId(text: string): PrincipalId | undefined {
  return SHAPES.PrincipalId.test(text) ? (text as PrincipalId) : undefined;
}

export function parseSessionId(text: string): SessionId | undefined {
  return SHAPES.SessionId.test(text) ? (text as SessionId) : undefined;
}

export function parseQuestionId(text: string): QuestionId | undefined {
  return SHAPES.QuestionId.test(text) ? (text as QuestionId) : undefined;
}

export function parseCallId(text: string): CallId | undefined {
  return SHAPES.CallId.test(text) ? (text as CallId) : undefined;
}

export function parseTraceId(text: string): TraceId | undefined {
  return SHAPES.TraceId.test(text) ? (text as TraceId) : undefined;
}

export function parseProviderId(text: string): ProviderId | undefined {
  return SHAPES.ProviderId.test(text) ? (text as ProviderId) : undefined;
}

/** Random bytes, fetched many at a time: each fetch costs as much as several ids. No byte is given out twice. */
function randomBytePool(size: number): () => number {
  const pool = new Uint8Array(size);
  let left = 0;
  return () => {
    if (left === 0) left = crypto.getRandomValues(pool).length;
    left -= 1;
    const byte = pool[left] ?? 0;
    pool[left] = 0;
    return byte;
  };
}

const randomByte = randomBytePool(2048);

function randomText(length: number): string {
  let text = '';
  while (text.length < length) {
    const byte = randomByte();
    // 240 is the largest multiple of 30 in a byte: what lies above would favour the first letters.
    if (byte < 240) text += ALPHABET.charAt(byte % ALPHABET.length);
  }
  return text;
}

export const newPrincipalId = (): PrincipalId => `p_${randomText(16)}` as PrincipalId;
export const newSessionId = (): SessionId => `s_${randomText(12)}` as SessionId;
export const newQuestionId = (): QuestionId => `q_${randomText(12)}` as QuestionId;
export const newCallId = (): CallId => `c_${randomText(20)}` as CallId;
/** From the generator that keeps its randomness ready: a trace is made for every call. */
export const newTraceId = (): TraceId => crypto.randomUUID().replaceAll('-', '') as TraceId;

/** The person who owns the machine: the token in the home belongs to this principal. */
export const OPERATOR = 'operator' as PrincipalId;
