/** What the edge costs beside a bare server, in processor time of the server process and in one run. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { verifies } from '../../requirements/verifies.ts';

const PROGRAM = fileURLToPath(new URL('../../fixtures/http/serves-one-answer.ts', import.meta.url));
const MESSAGE = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x', arguments: {} } });
/** multiple of a bare answer: admission, token, metrics and the web Request and Response between */
const CEILING = 5;

interface Served extends AsyncDisposable {
  readonly post: () => Promise<number>;
  readonly cpuMicroseconds: () => Promise<number>;
}

async function serve(kind: 'bare' | 'edge'): Promise<Served> {
  const child = spawn(process.execPath, [PROGRAM, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await lines.next()).value);
  const [port, token] = (await line()).split(' ');
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': MESSAGE.length,
  };
  return {
    post: () => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      request({ host: '127.0.0.1', port, path: '/mcp', method: 'POST', agent, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      })
        .on('error', reject)
        .end(MESSAGE);
      return promise;
    },
    cpuMicroseconds: async () => {
      child.stdin.write('\n');
      return Number(await line());
    },
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function costOf({ post, cpuMicroseconds }: Served, count: number): Promise<number> {
  const before = await cpuMicroseconds();
  for (let n = 0; n < count; n += 4) {
    assert.deepEqual(new Set(await Promise.all([post(), post(), post(), post()])), new Set([200]));
  }
  return ((await cpuMicroseconds()) - before) / count;
}

verifies('edge.cost', async (context) => {
  await using bare = await serve('bare');
  await using edge = await serve('edge');
  for (const served of [bare, edge]) await costOf(served, 1_000);
  const ratios: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const [first, second] = round % 2 === 0 ? [bare, edge] : [edge, bare];
    const costs = [await costOf(first, 1_500), await costOf(second, 1_500)];
    const [ofBare = 1, ofEdge = 1] = round % 2 === 0 ? costs : costs.toReversed();
    context.diagnostic(`bare ${ofBare.toFixed(0)} us, edge ${ofEdge.toFixed(0)} us`);
    ratios.push(ofEdge / ofBare);
  }
  const median = ratios.toSorted((a, b) => a - b)[1] ?? Number.NaN;
  assert.ok(median <= CEILING, `${median.toFixed(2)} times a bare answer`);
});
