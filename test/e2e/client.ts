/** A real MCP client of either era before the running product. */
import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { z } from 'zod';
import type { Ready } from '../cli/product.ts';

export const ERAS = {
  '2025 sessions': 'legacy',
  '2026-07-28 requests': { pin: '2026-07-28' },
} as const;
export type Era = keyof typeof ERAS;

const answerSchema = z.object({
  exit_code: z.number().nullable().optional(),
  session_id: z.string().nullable().optional(),
  running: z.boolean().optional(),
  output: z.string().optional(),
  next: z.number().optional(),
  more: z.boolean().optional(),
});

export interface Answer extends z.output<typeof answerSchema> {
  readonly isError: boolean;
  readonly text: string;
}

export class TestClient implements AsyncDisposable {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect({ url, token }: Pick<Ready, 'url' | 'token'>, era: Era = '2025 sessions'): Promise<TestClient> {
    const mode = ERAS[era];
    const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } });
    const headers = { Authorization: `Bearer ${token}` };
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    return new TestClient(client);
  }

  async tools(): Promise<readonly string[]> {
    const { tools } = await this.#client.listTools();
    return tools.map((tool) => tool.name);
  }

  async call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const result = await this.#client.callTool({ name: tool, arguments: args });
    const parsed = answerSchema.safeParse(result.structuredContent);
    const text = JSON.stringify(result.content);
    return { ...(parsed.success ? parsed.data : {}), isError: result.isError === true, text };
  }

  /** Starts a command that goes on, and answers its session. */
  async start(cmd: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const answer = await this.call('exec_command', { cmd, yield_time_ms: 250, ...more });
    const { session_id: session } = answer;
    assert.ok(typeof session === 'string' && answer.running === true, `it goes on: ${answer.text}`);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}
