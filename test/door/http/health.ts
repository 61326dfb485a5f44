/** Whether an edge is well: it answers, nobody is left in it, and it holds nothing. */
import assert from 'node:assert/strict';
import { type OpenEdge, until } from './edge-fixture.ts';

export async function assertWell(open: OpenEdge): Promise<void> {
  const response = await fetch(`${open.url}/mcp`, { method: 'POST', headers: open.headers, body: '{"well":true}' });
  assert.equal(response.status, 200);
  await response.text();
}

/** A gauge of the edge, as the operator sees it. */
export function gauge(open: OpenEdge, name: string): number {
  const line = open.edge.metrics
    .render()
    .split('\n')
    .find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}

export const connectionsOf = (open: OpenEdge): number => gauge(open, 'agentbox_http_connections');

export async function assertNobodyLeft(open: OpenEdge, kept: number): Promise<void> {
  await until(() => connectionsOf(open) <= kept, 'every other connection to go');
  await until(() => open.edge.inFlight === 0, 'every request to end');
  assert.equal(gauge(open, 'agentbox_http_body_bytes'), 0);
}

export const post = (open: OpenEdge, more: string, body = ''): string =>
  `POST /mcp HTTP/1.1\r\n${open.lines}${more}\r\n${body}`;
