/**
 * The door on any body and any headers: never an internal error, always an answer that is JSON-RPC, and afterwards the
 * same server still serves. The first line of an input holds the headers, the rest the body.
 */
import assert from 'node:assert/strict';
import { Emitter } from '@agentbox/base';
import { createCatalog } from '@agentbox/control-plane';
import { newCallId, OPERATOR, SCOPES } from '@agentbox/protocol';
import { createMcpDoor, type McpDoor } from '../../../packages/server/src/mcp/door.ts';
import { createProbePack } from '../../door/mcp/probe-tools.ts';

const META =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}}';
const MODERN = 'mcp-protocol-version: 2026-07-28|mcp-method: ';
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ ]?([\t\x20-\x7e]*)$/;
const caller = { principal: { id: OPERATOR, name: 'fuzz', scopes: new Set(SCOPES) }, tokenId: 'fuzz', expiresAt: null };

function openDoor(faults: unknown[]): McpDoor {
  const { provider } = createProbePack();
  const changed = new Emitter<typeof provider.id>();
  const tools = {
    ...provider,
    changed,
    list: () => provider.list(caller.principal).filter(({ name }) => name !== 'hold'),
  };
  const catalog = createCatalog({ providers: [tools], prefix: '', reportFault: () => undefined });
  return createMcpDoor({
    catalog,
    pipeline: {
      async call(request) {
        const args = { ...(typeof request.arguments === 'object' ? request.arguments : {}) };
        if (request.tool === 'break') return { kind: 'failed', code: 'INTERNAL', message: 'broken', detail: {} };
        return provider.call(
          { id: newCallId(), tool: request.tool, arguments: args, answers: request.answers },
          request,
        );
      },
    },
    skills: null,
    resources: [],
    prompts: null,
    logging: true,
    info: { name: 'fuzz', title: 'fuzz', version: '1' },
    instructions: '',
    limits: { taskTtlMs: 1, tasks: 4, sessions: 8 },
    onFault: (fault) => void faults.push(fault),
  });
}

function requestOf(head: string, body: string): Request {
  const headers = new Headers({ 'content-type': 'application/json', accept: 'application/json, text/event-stream' });
  for (const line of head.split('|')) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name !== undefined && value !== undefined) headers.set(name, value);
  }
  return new Request('http://127.0.0.1/mcp', { method: 'POST', headers, body });
}

/** What the edge makes of an answer, without the edge. */
async function ask(door: McpDoor, request: Request): Promise<Response> {
  const answer = await door.fetch(request, caller);
  if ('scopes' in answer) return Response.json({ jsonrpc: '2.0' }, { status: 403 });
  return 'kind' in answer ? new Response(answer.text, { status: answer.status }) : answer;
}

async function check(bytes: Uint8Array): Promise<void> {
  const faults: unknown[] = [];
  const door = openDoor(faults);
  try {
    const text = Buffer.from(bytes).toString('utf8');
    const end = text.indexOf('\n');
    const response = await ask(door, requestOf(text.slice(0, Math.max(end, 0)), text.slice(end + 1)));
    assert.ok(response.status < 500, `status ${String(response.status)}`);
    // A listening stream has no end of its own.
    if (response.headers.get('content-type')?.startsWith('text/event-stream') === true) await response.body?.cancel();
    else if (response.status !== 202) assert.equal(Reflect.get(Object(await response.json()), 'jsonrpc'), '2.0');
    assert.deepEqual(faults, []);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
    const next = await ask(
      door,
      requestOf(`${MODERN}tools/list`, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{${META}}}`),
    );
    assert.equal(next.status, 200);
  } finally {
    await door.close();
  }
}

const call = (name: string, rest = '') =>
  `${MODERN}tools/call|mcp-name: ${name}\n{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":{"text":"x"},${rest}${META}}}`;

export const jsonRpcDoor = {
  name: 'json-rpc-door',
  seeds: [
    call('echo'),
    call('confirm'),
    call('confirm', '"inputResponses":{"go":{"action":"accept","content":{"ok":true}}},"requestState":"AAAA",'),
    call('asking_job'),
    `${MODERN}tools/list\n{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"cursor":"x",${META}}}`,
    `${MODERN}subscriptions/listen\n{"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},${META}}}`,
    `${MODERN}tasks/get|mcp-name: t\n{"jsonrpc":"2.0","id":3,"method":"tasks/get","params":{"taskId":"t",${META}}}`,
    `${MODERN}server/discover\n{"jsonrpc":"2.0","id":4,"method":"server/discover","params":{${META}}}`,
    '\n{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"f","version":"1"}}}',
    'mcp-session-id: x\n[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"}]',
    '\n{"jsonrpc":"2.0","id":1,"result":{}}',
    '\n{"__proto__":{"polluted":true},"jsonrpc":"2.0","id":null,"method":"x","params":[]}',
  ].map((text) => Buffer.from(text)),
  dictionary: [
    '"id":',
    '"method":"',
    '"params":{',
    '__proto__',
    '2026-07-28',
    '2025-03-26',
    '=?base64?',
    '[[[[',
    '\ud800',
    'null',
    '1e999',
  ],
  run: check,
};
