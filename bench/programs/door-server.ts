/**
 * The product's own stack (edge, bearer, pipeline, record, door) around as many trivial tools as its argument says.
 * Prints its address and token as one JSON line; ends with its standard input.
 */

import { type ToolDefinition, type ToolProvider } from '@agentbox/control-plane';
import type { ProviderId } from '@agentbox/protocol';
import { startProductServer } from '../../test/conformance/product-server.ts';

const SCHEMA = {
  type: 'object',
  properties: { text: { type: 'string' } },
  required: ['text'],
  additionalProperties: false,
};

function echoTool(index: number): ToolDefinition {
  return {
    name: `echo_${index}`,
    title: `Echo ${index}`,
    description: 'Use this when you want the same text back.',
    inputSchema: SCHEMA,
    outputSchema: SCHEMA,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    scopes: [],
    meta: null,
  };
}

function echoProvider(count: number): ToolProvider {
  const tools = Array.from({ length: count }, (_, index) => echoTool(index));
  return {
    id: 'echo' as ProviderId,
    list: () => tools,
    call: (call) => {
      const text = String(call.arguments['text']);
      const result = { content: [{ type: 'text' as const, text }], structured: { text } };
      return Promise.resolve({ kind: 'done', result });
    },
    changed: { subscribe: () => () => undefined },
  };
}

await using server = await startProductServer({ tools: [echoProvider(Number(process.argv[2]))] });
console.log(JSON.stringify({ url: server.url, token: server.token }));
for await (const _ of process.stdin);
