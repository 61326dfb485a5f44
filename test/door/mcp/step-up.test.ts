/** A caller without the scopes of a tool: what it is told over HTTP, on standard input, and what is recorded. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { compileRedactor } from '@agentbox/base';
import { createCallPipeline, createCatalog } from '@agentbox/control-plane';
import { OPERATOR } from '@agentbox/protocol';
import { serveStdioDoor } from '../../../packages/server/src/mcp/stdio.ts';
import { verifies } from '../../requirements/verifies.ts';
import { useGround } from './ground.ts';
import { at, type Json, modernHeaders, modernMeta, openSession, send, textOf } from './raw-client.ts';

const ground = useGround();
const GUARDED = { name: 'guarded', arguments: { text: 'hunter2' } };
const JSON_TYPE = { 'content-type': 'application/json' };

async function refusals(): Promise<number> {
  const records = await ground().server.audit.last(500);
  return records.filter(({ kind, subject }) => kind === 'call.refused' && subject === 'guarded').length;
}

const bodyOf = (params: Json): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });

const WAYS: Readonly<Record<string, () => Promise<Response>>> = {
  '2026-07-28': () =>
    send(ground().other, 'POST', bodyOf({ ...GUARDED, _meta: modernMeta() }), {
      ...JSON_TYPE,
      ...modernHeaders('tools/call', GUARDED),
    }),
  '2026-07-28, with progress': () =>
    send(ground().other, 'POST', bodyOf({ ...GUARDED, _meta: { ...modernMeta(), progressToken: 1 } }), {
      ...JSON_TYPE,
      ...modernHeaders('tools/call', GUARDED),
    }),
  '2025-11-25': async () => {
    const session = await openSession(ground().other);
    const response = await send(ground().other, 'POST', bodyOf(GUARDED), { ...JSON_TYPE, ...session.headers });
    await session.end();
    return response;
  },
};

for (const [cell, call] of Object.entries(WAYS)) {
  verifies(
    'door.scope.step-up',
    async () => {
      const before = await refusals();
      const response = await call();
      assert.equal(response.status, 403);
      const challenge = response.headers.get('www-authenticate') ?? '';
      assert.match(challenge, /^Bearer error="insufficient_scope"/);
      assert.match(challenge, /scope="agentbox:exec agentbox:skills"/, 'those that it has are named too');
      assert.match(challenge, /resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource/);
      assert.ok((await response.text()).includes('INSUFFICIENT_SCOPE'));
      assert.equal((await refusals()) - before, 1);
      assert.equal(ground().probe.calls.get('guarded'), undefined, 'the tool did not run');
    },
    { cell },
  );
}

verifies(
  'door.scope.step-up',
  async () => {
    const reportFault = (): void => undefined;
    const { audit } = ground().server;
    const redactor = compileRedactor([]);
    using catalog = createCatalog({ providers: [ground().probe.provider], prefix: '', reportFault });
    const pipeline = createCallPipeline({ catalog, audit, redactor: () => redactor, clock: Date.now, reportFault });
    const info = { name: 'agentbox', title: 'agentbox', version: '0.1.0' };
    const parts = { catalog, pipeline, skills: null, resources: [], prompts: null, logging: false, info };
    const principal = { id: OPERATOR, name: 'narrow', scopes: new Set(['exec'] as const) };
    const streams = { stdin: new PassThrough(), stdout: new PassThrough() };
    const caller = { principal, tokenId: 'stdio', expiresAt: null };
    const door = serveStdioDoor({ ...parts, instructions: '' }, caller, streams);
    const before = await refusals();
    streams.stdin.write(`${bodyOf({ ...GUARDED, _meta: modernMeta() })}\n`);
    const [line] = await once(streams.stdout, 'data');
    const { result } = JSON.parse(String(line));
    assert.equal(at(result)['isError'], true);
    assert.match(textOf(at(result)), /needs the scopes: exec skills/);
    assert.equal((await refusals()) - before, 1);
    streams.stdin.end();
    await door.ended;
  },
  { cell: 'standard input' },
);

verifies(
  'door.scope.step-up',
  async () => {
    const session = await openSession(ground().other, '2025-03-26');
    const calls = [1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: GUARDED }));
    const headers = { ...JSON_TYPE, ...session.headers };
    const response = await send(ground().other, 'POST', JSON.stringify(calls), headers);
    assert.equal(response.status, 200, 'one status cannot speak for a batch');
    assert.equal((await response.text()).match(/needs the scopes: exec skills/g)?.length, 2);
    await session.end();
  },
  { cell: 'a batch' },
);
