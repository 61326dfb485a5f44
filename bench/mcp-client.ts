/** A small MCP client that costs little itself: one keep-alive connection pool, no validation of results. */
import { Agent, request } from 'node:http';
import { z } from 'zod';

const PROTOCOL = '2026-07-28';

const Structured = z.looseObject({});
const Reply = z.object({
  result: z.looseObject({ structuredContent: Structured.optional(), isError: z.boolean().optional() }).optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

export interface BenchClient extends Disposable {
  /** the structured content of a tool's result; throws when the call fails */
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<z.infer<typeof Structured>>;
  request(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export function benchClient(url: string, token: string): BenchClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let nextId = 1;

  async function send(method: string, params: Readonly<Record<string, unknown>>): Promise<z.infer<typeof Reply>> {
    const id = nextId;
    nextId += 1;
    const meta = {
      'io.modelcontextprotocol/protocolVersion': PROTOCOL,
      'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } });
    const name = params['name'];
    const text = await post(url, agent, body, {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': PROTOCOL,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    });
    return Reply.parse(JSON.parse(text.startsWith('event:') || text.startsWith('data:') ? lastEvent(text) : text));
  }

  return {
    async call(tool, args) {
      const { result, error } = await send('tools/call', { name: tool, arguments: args });
      if (error !== undefined) throw new TypeError(`${tool}: ${error.message}`);
      if (result?.isError === true) throw new TypeError(`${tool}: ${JSON.stringify(result)}`);
      return result?.structuredContent ?? {};
    },
    request: send,
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function lastEvent(text: string): string {
  return (
    text
      .split('\n')
      .findLast((line) => line.startsWith('data:'))
      ?.slice(5) ?? '{}'
  );
}

function post(url: string, agent: Agent, body: string, headers: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    outgoing.end(body);
  });
}
