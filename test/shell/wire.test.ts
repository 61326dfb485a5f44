/** shell through the whole stack: what a real client is told of it, checks and gets, in both eras. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type ProductServer, startProductServer } from '../conformance/product-server.ts';
import { at, modern, openSession, resultOf, textOf } from '../door/mcp/raw-client.ts';
import { type Rig, startRig } from '../machine/rig.ts';
import { verifies } from '../requirements/verifies.ts';

let rig: Rig;
let server: ProductServer;
before(async () => {
  rig = await startRig();
  server = await startProductServer({ tools: [rig.provider] });
});
after(async () => {
  assert.deepEqual([...rig.faults, ...server.faults], []);
  await server[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

const given = (command: string, more: Readonly<Record<string, unknown>> = {}) => ({
  name: 'shell',
  arguments: { command, workdir: rig.workdir, login: false, ...more },
});

for (const mode of ['auto', 'legacy'] as const) {
  verifies(
    'shell.result.shape',
    async () => {
      const client = new Client({ name: 'official', version: '1' }, { versionNegotiation: { mode } });
      const headers = { authorization: `Bearer ${server.token}` };
      await client.connect(new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } }));
      try {
        const { tools } = await client.listTools();
        const { annotations, outputSchema } = tools.find(({ name }) => name === 'shell') ?? {};
        assert.equal(annotations?.readOnlyHint, false);
        const peer = ['exit_code', 'output', 'duration', 'timed_out'];
        assert.deepEqual(Object(outputSchema).required.slice(0, 4), peer);
        // The client holds each structured result to the schema that it was given.
        for (const call of [
          given('echo hi; exit 3'),
          given('seq 100000; sleep 300 &'),
          given('sleep 9', { timeout_ms: 50 }),
        ]) {
          const { structuredContent, content, isError } = await client.callTool(call);
          assert.deepEqual(JSON.parse(textOf({ content })), structuredContent);
          assert.notEqual(isError, true);
          const { session_id } = Object(structuredContent);
          if (session_id !== undefined) await rig.call('kill_session', { session_id });
        }
      } finally {
        await client.close();
      }
    },
    { cell: `the official client, ${mode}` },
  );
}

verifies(
  'shell.timeout.partial',
  async () => {
    const call = given('echo begun; sleep 300', { timeout_ms: 200 });
    const session = await openSession(server, '2025-06-18');
    for (const answer of [await session.request('tools/call', call), await modern(server, 'tools/call', call)]) {
      const told = JSON.parse(textOf(resultOf(answer)));
      assert.deepEqual([told.output, told.timed_out, told.exit_code], ['begun\n', true, 124]);
      assert.equal(at(resultOf(answer), 'structuredContent')['timed_out'], true);
    }
    await session.end();
  },
  { cell: 'over the wire' },
);
