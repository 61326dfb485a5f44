/**
 * The product's own door as an agent uses it: MCP over HTTP with a token, one connection pool, no session.
 * Answers are taken as they come, whatever they say: an attack judges by its oracle.
 */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const PROTOCOL = '2026-07-28';

const structured = z.looseObject({
  exit_code: z.number().optional(),
  session_id: z.string().optional(),
  running: z.boolean().optional(),
  output: z.string().optional(),
});
const reply = z.object({
  result: z.looseObject({ structuredContent: structured.optional(), isError: z.boolean().optional() }).optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

export interface Answer {
  /** HTTP status; 0 when no answer came */
  readonly status: number;
  readonly isError: boolean;
  /** the whole answer as it came */
  readonly text: string;
  readonly output: string;
  readonly exitCode: number | null;
  readonly running: boolean;
  readonly session: string | null;
}

export interface ShellOptions {
  readonly tty?: boolean;
  /** how long the command may run before it is ended with all it started, in `ms` */
  readonly patienceMs?: number;
  /** what is left in the background goes on */
  readonly keep?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly meta?: Readonly<Record<string, unknown>>;
}

export interface DoorClient extends Disposable {
  call(tool: string, args: Readonly<Record<string, unknown>>, meta?: ShellOptions['meta']): Promise<Answer>;
  /** runs a command to its end; what goes on after its time is killed */
  shell(cmd: string, options?: ShellOptions): Promise<Answer>;
  /** the session goes on */
  start(cmd: string, options?: ShellOptions): Promise<Answer>;
  kill(session: string): Promise<Answer>;
}

const PATIENCE_MS = 20_000;
const NOTHING: Answer = {
  status: 0,
  isError: true,
  text: '',
  output: '',
  exitCode: null,
  running: false,
  session: null,
};

export function doorClient(url: string, token: string, workdir: string): DoorClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const call: DoorClient['call'] = async (tool, args, meta = {}) => {
    const params = {
      name: tool,
      arguments: args,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': PROTOCOL,
        'io.modelcontextprotocol/clientInfo': { name: 'attack-me', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
        ...meta,
      },
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const { status, text } = await post(url, agent, body, {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': PROTOCOL,
      'mcp-method': 'tools/call',
      'mcp-name': tool,
    });
    return answerOf(status, text);
  };
  const start: DoorClient['start'] = (cmd, options = {}) =>
    call(
      'exec_command',
      {
        cmd,
        workdir,
        shell: '/bin/sh',
        login: false,
        yield_time_ms: options.keep === true ? 250 : 5000,
        tty: options.tty ?? false,
        env: options.env ?? {},
      },
      options.meta,
    );
  const kill: DoorClient['kill'] = (session) => call('kill_session', { session_id: session });
  return {
    call,
    start,
    kill,
    shell: async (cmd, options = {}) => {
      const first = await start(cmd, options);
      const last = await followed(call, first, Date.now() + (options.patienceMs ?? PATIENCE_MS));
      if (last.session !== null && options.keep !== true) await kill(last.session);
      return last;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** Waits for the end of a command, and gathers what it prints meanwhile. */
async function followed(call: DoorClient['call'], first: Answer, deadline: number): Promise<Answer> {
  let last = first;
  let output = first.output;
  while (last.running && last.session !== null && Date.now() < deadline) {
    const { session } = last;
    const waitMs = Math.max(250, Math.min(5000, deadline - Date.now()));
    const next = await call('write_stdin', { session_id: session, chars: '', yield_time_ms: waitMs });
    if (next.isError) await sleep(100);
    output += next.output;
    last = { ...next, session, running: next.isError ? last.running : next.running };
  }
  return { ...last, session: last.session ?? first.session, output };
}

function answerOf(status: number, text: string): Answer {
  const parsed = reply.safeParse(jsonOf(text));
  if (!parsed.success) return { ...NOTHING, status, text };
  const { result } = parsed.data;
  const content = result?.structuredContent;
  return {
    status,
    text,
    isError: result === undefined || result.isError === true,
    output: content?.output ?? '',
    exitCode: content?.exit_code ?? null,
    running: content?.running ?? false,
    session: content?.session_id ?? null,
  };
}

function jsonOf(text: string): unknown {
  const line = /^(?:event|data):/.test(text)
    ? (text
        .split('\n')
        .findLast((one) => one.startsWith('data:'))
        ?.slice(5) ?? '')
    : text;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** A server that is gone answers nothing: that is an answer too. */
function post(
  url: string,
  agent: Agent,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve) => {
    const nothing = (): void => resolve({ status: 0, text: '' });
    const outgoing = request(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    outgoing.once('error', nothing);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', nothing);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    outgoing.end(body);
  });
}
