/** Requests made at random, over real HTTP: AGENTBOX_FUZZ_SECONDS says how long, AGENTBOX_FUZZ_SEED repeats a run. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { Agent, request } from 'node:http';
import { OPERATOR } from '@agentbox/protocol';
import { randomFrom } from '../../fuzz/harness.ts';
import { verifies } from '../../requirements/verifies.ts';
import { eventually, useGround } from './ground.ts';
import { isJson, type Json, lastOf, modern, modernMeta, openSession } from './raw-client.ts';

const ground = useGround({ sessions: 64, tasks: 16 });
const SECONDS = Number(process.env['AGENTBOX_FUZZ_SECONDS'] ?? '3');
const SEED = Number(process.env['AGENTBOX_FUZZ_SEED'] ?? randomInt(2 ** 31));
/** An answer that takes longer is a hang; a stream is let go much earlier. */
const HANG_MS = 20_000;
const STREAM_MS = 40;

const METHODS = ['POST', 'POST', 'POST', 'POST', 'GET', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE'];
const PATHS = ['/mcp', '/mcp', '/mcp', '/mcp/', '/mcp?x=1', '/', '/healthz', '/metrics', '/mcp/../x', '//mcp'];
const RPC = ['tools/list', 'tools/call', 'initialize', 'ping', 'prompts/get', 'resources/read', 'server/discover'];
const MORE_RPC = ['subscriptions/listen', 'tasks/get', 'logging/setLevel', 'completion/complete', '', '__proto__'];
const TOOLS = ['echo', 'fail', 'break', 'confirm', 'insist', 'refuse', 'flood', 'log', 'nope', '', '=?base64?eA==?='];
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  'x',
  '\ud800',
  '\u0000',
  [],
  [[]],
  {},
  'x'.repeat(9000),
];
const VERSIONS = ['2026-07-28', '2025-11-25', '2025-03-26', '1999-01-01', 'x'];
const TYPES = ['application/json', 'application/json; charset=utf-8', 'text/plain', 'application/jsonp', ''];
const ACCEPTS = ['application/json, text/event-stream', 'text/event-stream', '*/*', 'image/png'];

type Random = (below: number) => number;
const pick = <T>(list: readonly [T, ...T[]] | readonly T[], random: Random, otherwise: T): T =>
  list[random(list.length)] ?? otherwise;

interface Made {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A message of either era, with some of its parts replaced or lost. */
function messageOf(random: Random): Json {
  const method = pick([...RPC, ...MORE_RPC], random, 'ping');
  const named = { name: pick(TOOLS, random, 'echo'), arguments: { text: pick(VALUES, random, 'x') } };
  const meta = random(3) === 0 ? {} : { _meta: modernMeta(random(2) === 0 ? {} : { elicitation: {}, tasks: {} }) };
  const whole: Record<string, unknown> = {
    jsonrpc: '2.0',
    id: random(4) === 0 ? pick(VALUES, random, 1) : random(1000),
    method,
    params: { ...(method === 'tools/call' ? named : { uri: 'test://static-text', notifications: {} }), ...meta },
  };
  const parts = Object.keys(whole);
  if (random(4) === 0) whole[pick(parts, random, 'id')] = pick(VALUES, random, null);
  if (random(6) === 0) Reflect.deleteProperty(whole, pick(parts, random, 'id'));
  return whole;
}

function bodyOf(random: Random, message: Json): string {
  const text = JSON.stringify(random(10) === 0 ? [message, messageOf(random)] : message);
  const at = random(text.length + 1);
  if (random(6) === 0) return text.slice(0, at) + String.fromCodePoint(random(0x300)) + text.slice(at + random(3));
  return random(15) === 0 ? '['.repeat(random(400)) : text;
}

function make(random: Random, session: string): Made {
  const message = messageOf(random);
  const { method: rpc, params } = message;
  const name = isJson(params) ? params['name'] : undefined;
  const some = (chance: number, name_: string, value: unknown): Readonly<Record<string, string>> =>
    random(chance) === 0 || typeof value !== 'string' ? {} : { [name_]: value.replaceAll(/[^\x20-\x7e]/g, '?') };
  return {
    method: pick(METHODS, random, 'POST'),
    path: pick(PATHS, random, '/mcp'),
    headers: {
      ...some(20, 'content-type', random(8) === 0 ? pick(TYPES, random, '') : 'application/json'),
      ...some(10, 'accept', pick(ACCEPTS, random, '*/*')),
      ...some(4, 'mcp-protocol-version', random(3) === 0 ? pick(VERSIONS, random, 'x') : '2026-07-28'),
      ...some(6, 'mcp-method', random(8) === 0 ? 'x' : rpc),
      ...some(6, 'mcp-name', random(8) === 0 ? pick(TOOLS, random, 'x') : name),
      ...(random(3) === 0 ? { 'mcp-session-id': random(4) === 0 ? 'x' : session } : {}),
      ...(random(12) === 0 ? { 'last-event-id': 'x' } : {}),
      ...(random(20) === 0 ? { origin: 'http://evil.example' } : {}),
    },
    body: bodyOf(random, message),
  };
}

interface Got {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** The answer, or as much of a stream as came in a moment. */
function send(made: Made, agent: Agent): Promise<Got> {
  const { url, token } = ground().me;
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const { hostname, port } = new URL(url);
  const headers = { ...made.headers, authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(made.body) };
  const timer = setTimeout(() => reject(new RangeError('no answer in time')), HANG_MS);
  const asked = request({ hostname, port, method: made.method, path: made.path, headers, agent }, (response) => {
    let text = '';
    const type = response.headers['content-type'] ?? '';
    const finish = (): void => {
      clearTimeout(timer);
      clearTimeout(moment);
      resolve({ status: response.statusCode ?? 0, type, text });
    };
    const isStream = type.startsWith('text/event-stream');
    const moment = setTimeout(() => isStream && (finish(), asked.destroy()), STREAM_MS);
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('end', finish).on('close', finish);
  });
  asked.on('error', (fault) => {
    clearTimeout(timer);
    reject(fault);
  });
  asked.end(made.body);
  return promise;
}

function assertAnswer({ status, type, text }: Got): void {
  assert.ok(status < 500 || status === 503, `status ${String(status)}: ${text.slice(0, 300)}`);
  if (!type.startsWith('application/json') || text === '') return;
  const parsed: unknown = JSON.parse(text);
  for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
    const error: unknown = isJson(message) ? message['error'] : undefined;
    if (!isJson(error)) continue;
    assert.ok(Number.isInteger(error['code']) || typeof error['code'] === 'string', text.slice(0, 300));
    assert.ok(typeof error['message'] === 'string' && error['message'] !== '', text.slice(0, 300));
  }
}

verifies(
  'door.input.any-request',
  async () => {
    const random = randomFrom(SEED);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const { id: session } = await openSession(ground().me);
    const end = performance.now() + SECONDS * 1000;
    for (let count = 0; performance.now() < end; count += 1) {
      const made = make(random, session);
      const what = `seed ${String(SEED)}, request ${String(count)}: ${JSON.stringify(made).slice(0, 2000)}`;
      await send(made, agent).then(assertAnswer, (fault: unknown) => assert.fail(`${String(fault)} at ${what}`));
      if (count % 25 === 0) assert.ok('result' in lastOf(await modern(ground().me, 'tools/list')), what);
    }
    agent.destroy();
    await eventually(() => ground().probe.held === 0, 'nothing runs on');
    await ground().server.door.disconnect(OPERATOR);
    const faults = JSON.stringify(ground().server.faults.map(String));
    assert.ok(
      ground().server.faults.every((fault) => isJson(fault) && fault['what'] === 'a tool threw'),
      faults,
    );
  },
  { timeout: SECONDS * 1000 + 120_000 },
);
