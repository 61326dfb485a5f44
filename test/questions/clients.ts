/** Official clients of every kind, whose person answers as a test says. */
import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { z } from 'zod';
import { AGENTBOX } from '../cli/product.ts';
import type { Place } from './place.ts';

export const KINDS = ['2025 over HTTP', '2025 over stdio', '2026-07-28 over HTTP'] as const;
export type Kind = (typeof KINDS)[number];

export interface PersonAnswer {
  readonly action: 'accept' | 'decline' | 'cancel';
  readonly content?: Record<string, string>;
}

/** What a person says to a dialog; aborted when the dialog is taken back. */
type Person = (message: string, signal: AbortSignal) => PersonAnswer | Promise<PersonAnswer>;

const waiting = z.object({ question: z.string(), file: z.string(), runs: z.string(), answer_with: z.string() });
const denied = z.object({ file: z.string(), argv: z.array(z.string()), reason: z.string() });
const structured = z.object({
  exit_code: z.number().optional(),
  session_id: z.string().optional(),
  running: z.boolean().optional(),
  timed_out: z.boolean().optional(),
  output: z.string(),
  waiting: z.array(waiting).default([]),
  denied: z.array(denied).default([]),
});

export interface Told extends Omit<z.output<typeof structured>, 'output'> {
  readonly output: string;
  readonly isError: boolean;
  readonly text: string;
}

export interface ClientOptions {
  readonly token?: string;
  /** null: a client that cannot be asked */
  readonly person: Person | null;
}

export class QuestionClient implements AsyncDisposable {
  readonly client: Client;
  /** what the person was shown, in order */
  readonly asked: string[] = [];
  readonly #transport: StreamableHTTPClientTransport | StdioClientTransport;

  private constructor(client: Client, transport: StreamableHTTPClientTransport | StdioClientTransport) {
    this.client = client;
    this.#transport = transport;
  }

  static async connect(place: Place, kind: Kind, { person, token }: ClientOptions): Promise<QuestionClient> {
    const mode = kind === '2026-07-28 over HTTP' ? { pin: '2026-07-28' } : ('legacy' as const);
    const capabilities = person === null ? {} : { elicitation: { form: {} } };
    const client = new Client({ name: 'asked', version: '1' }, { versionNegotiation: { mode }, capabilities });
    const made = new QuestionClient(client, transportOf(place, kind, token ?? place.up.ready.token));
    if (person !== null) {
      client.setRequestHandler('elicitation/create', async ({ params }, { mcpReq }) => {
        made.asked.push(params.message);
        return { ...(await person(params.message, mcpReq.signal)) };
      });
    }
    await client.connect(made.#transport);
    return made;
  }

  async call(
    name: string,
    args: Readonly<Record<string, unknown>>,
    signal: AbortSignal = AbortSignal.timeout(60_000),
  ): Promise<Told> {
    const result = await this.client.callTool({ name, arguments: args }, { signal });
    const text = z.array(z.looseObject({ text: z.string() })).parse(result.content);
    const parsed = structured.safeParse(result.structuredContent);
    const facts = parsed.success ? parsed.data : { output: '', waiting: [], denied: [] };
    return { ...facts, isError: result.isError === true, text: text.map((block) => block.text).join('\n') };
  }

  exec(cmd: string, more: Readonly<Record<string, unknown>> = {}): Promise<Told> {
    return this.call('exec_command', { cmd, login: false, yield_time_ms: 20_000, ...more });
  }

  shell(place: Place, command: string, more: Readonly<Record<string, unknown>> = {}): Promise<Told> {
    return this.call('shell', { command, workdir: place.home.at('work'), login: false, ...more });
  }

  wait(session: string | undefined, more: Readonly<Record<string, unknown>> = {}): Promise<Told> {
    assert.ok(session !== undefined);
    return this.call('write_stdin', { session_id: session, yield_time_ms: 20_000, ...more });
  }

  /** Gone without a word. */
  async vanish(): Promise<void> {
    await this.#transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

function transportOf(place: Place, kind: Kind, token: string): StreamableHTTPClientTransport | StdioClientTransport {
  if (kind === '2025 over stdio') {
    const args = ['stdio', '--home', place.home.at('home')];
    return new StdioClientTransport({ command: AGENTBOX, args, env: textOnly(place.environment), stderr: 'inherit' });
  }
  const headers = { authorization: `Bearer ${token}` };
  return new StreamableHTTPClientTransport(new URL(place.up.ready.url), { requestInit: { headers } });
}

const textOnly = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
