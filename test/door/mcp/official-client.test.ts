/** The official client library against the door, in both eras: what a real client does of its own accord. */
import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { verifies } from '../../requirements/verifies.ts';
import { useGround } from './ground.ts';
import { textOf } from './raw-client.ts';

const ground = useGround();

for (const mode of ['auto', 'legacy'] as const) {
  verifies(
    'door.era.one-tool-code',
    async () => {
      const { url, token } = ground().me;
      const client = new Client(
        { name: 'official', version: '1' },
        {
          versionNegotiation: { mode },
          capabilities: { elicitation: { form: {} } },
        },
      );
      client.setRequestHandler('elicitation/create', () => ({ action: 'accept' as const, content: { ok: true } }));
      const headers = { authorization: `Bearer ${token}` };
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
      try {
        const { tools } = await client.listTools();
        assert.ok(tools.some(({ name }) => name === 'echo'));
        const said = await client.callTool({ name: 'echo', arguments: { text: 'hello' } });
        assert.equal(textOf({ ...said }), 'hello');
        const answered = await client.callTool({ name: 'confirm', arguments: {} });
        assert.equal(textOf({ ...answered }), 'went on with secret-state');
      } finally {
        await client.close();
      }
    },
    { cell: `the official client, ${mode}` },
  );
}
