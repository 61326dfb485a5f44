/** Adds the bearer token on the way to a server: for suites that know no tokens. Passes everything else as it is. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BearerProxy extends AsyncDisposable {
  readonly url: string;
}

export async function startBearerProxy(target: string, token: string): Promise<BearerProxy> {
  const server = createServer((incoming, outgoing) => {
    // Host and Origin go through unchanged: the server itself must judge them.
    const headers = { ...incoming.headers, authorization: `Bearer ${token}` };
    const forward = request(target, { method: incoming.method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      outgoing.flushHeaders();
      response.pipe(outgoing);
    });
    forward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forward.destroy());
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const { port } = isAddress(address) ? address : { port: 0 };
  return {
    url: `http://127.0.0.1:${String(port)}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}
