/** A model that follows a script: each step calls one tool with arguments made from the results so far. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

export interface Step {
  readonly tool: string;
  /** `results` are the texts of the earlier steps' results, as the client showed them to the model */
  readonly args: (results: readonly string[]) => Readonly<Record<string, unknown>>;
}

export interface ScriptedModel extends AsyncDisposable {
  readonly baseUrl: string;
  /** what the client showed the model, one text for each step that ran */
  readonly results: () => readonly string[];
}

/** How one provider's API speaks: which results a request holds, and how an answer goes out. */
interface Dialect {
  readonly results: (body: unknown) => readonly string[] | null;
  readonly callTool: (response: ServerResponse, step: Step, args: string, index: number) => void;
  readonly say: (response: ServerResponse, text: string) => void;
}

export async function startModel(steps: readonly Step[], dialect: Dialect): Promise<ScriptedModel> {
  let seen: readonly string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const results = dialect.results(await readJson(request));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const step = results === null ? undefined : steps[results.length];
    if (results !== null && results.length > seen.length) seen = results;
    if (step === undefined || results === null) dialect.say(response, 'done');
    else dialect.callTool(response, step, JSON.stringify(step.args(results)), results.length);
    response.end();
  };
  const server = createServer((request, response) => void answer(request, response));
  const port = await listenLoopback(server);
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    results: () => seen,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listenLoopback(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? {} : JSON.parse(text);
}

function sendEvent(response: ServerResponse, type: string, fields: Readonly<Record<string, unknown>>): void {
  response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const ResponsesBody = z.object({
  input: z.array(z.looseObject({ type: z.string().optional(), output: z.unknown().optional() })),
});

/** OpenAI's Responses API, as Codex speaks it. MCP tools stand in a namespace of the server's name, its own in none. */
export function responsesDialect(namespace: string | null): Dialect {
  const finish = (response: ServerResponse, item: Readonly<Record<string, unknown>>): void => {
    sendEvent(response, 'response.created', { response: { id: 'response' } });
    sendEvent(response, 'response.output_item.done', { output_index: 0, item });
    const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
    sendEvent(response, 'response.completed', { response: { id: 'response', output: [], usage } });
  };
  return {
    results(body) {
      const { success, data } = ResponsesBody.safeParse(body);
      if (!success) return null;
      return data.input.filter((item) => item.type === 'function_call_output').map((item) => asText(item.output));
    },
    callTool: (response, { tool }, args, index) =>
      finish(response, {
        type: 'function_call',
        id: `fc_${index}`,
        call_id: `call_${index}`,
        name: tool,
        ...(namespace === null ? {} : { namespace }),
        arguments: args,
      }),
    say: (response, text) =>
      finish(response, { type: 'message', role: 'assistant', id: 'message', content: [{ type: 'output_text', text }] }),
  };
}

const MessagesBody = z.object({
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
  messages: z.array(
    z.looseObject({
      content: z.union([z.string(), z.array(z.looseObject({ type: z.string(), content: z.unknown().optional() }))]),
    }),
  ),
});

/** Anthropic's Messages API, as Claude Code speaks it. Requests without tools (titles and the like) get a short text. */
export function messagesDialect(prefix: string): Dialect {
  const finish = (
    response: ServerResponse,
    block: Readonly<Record<string, unknown>>,
    delta: Readonly<Record<string, unknown>>,
    stop: string,
  ): void => {
    const message = { id: 'm', type: 'message', role: 'assistant', model: 'scripted', content: [], stop_reason: null };
    sendEvent(response, 'message_start', { message: { ...message, usage: { input_tokens: 1, output_tokens: 1 } } });
    sendEvent(response, 'content_block_start', { index: 0, content_block: block });
    sendEvent(response, 'content_block_delta', { index: 0, delta });
    sendEvent(response, 'content_block_stop', { index: 0 });
    sendEvent(response, 'message_delta', { delta: { stop_reason: stop }, usage: { output_tokens: 1 } });
    sendEvent(response, 'message_stop', {});
  };
  return {
    results(body) {
      const { success, data } = MessagesBody.safeParse(body);
      if (!success || !data.tools?.some((tool) => tool.name.startsWith(prefix))) return null;
      return data.messages
        .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
        .filter((block) => block.type === 'tool_result')
        .map((block) => asText(block.content));
    },
    callTool: (response, { tool }, args, index) =>
      finish(
        response,
        { type: 'tool_use', id: `toolu_${index}`, name: `${prefix}${tool}`, input: {} },
        { type: 'input_json_delta', partial_json: args },
        'tool_use',
      ),
    say: (response, text) => finish(response, { type: 'text', text: '' }, { type: 'text_delta', text }, 'end_turn'),
  };
}
