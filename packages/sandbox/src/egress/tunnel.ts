/**
 * Bytes both ways between a client and a connection that was allowed. TLS is not opened: only the server name of its
 * first message is compared with the host that was asked for, before any of it goes on.
 */
import type { Socket } from 'node:net';
import { type ByteReader, written } from './byte-reader.ts';
import { type Hello, MAX_HELLO, readClientHello } from './client-hello.ts';
import { type Host, parseHost } from './host.ts';
import { within } from './within.ts';

export interface Tunnel {
  readonly client: Socket;
  readonly reader: ByteReader;
  readonly upstream: Socket;
  readonly host: Host & { readonly host: string };
  /** anything but TLS is refused */
  readonly mustBeTls: boolean;
  readonly helloMs: number;
  readonly gone: AbortSignal;
  /** says to the client why it ends */
  readonly onRefused: (reason: string) => void;
}

const TLS_HANDSHAKE = 22;

export async function runTunnel(tunnel: Tunnel): Promise<void> {
  const { client, upstream, reader } = tunnel;
  const ended = Promise.withResolvers<void>();
  let refusedFor: string | null = null;
  const finish = (): void => {
    // What was received still goes to the client, unless the connection broke.
    if (upstream.readableEnded) client.destroySoon();
    else if (refusedFor === null) client.destroy();
    ended.resolve();
  };
  if (upstream.closed) finish();
  else upstream.once('close', finish);
  upstream.pipe(client);
  refusedFor = await inspect(tunnel);
  if (refusedFor !== null) {
    upstream.unpipe(client);
    upstream.destroy();
    tunnel.onRefused(refusedFor);
  } else {
    await sendAll(reader, upstream);
  }
  await ended.promise;
}

async function sendAll(reader: ByteReader, upstream: Socket): Promise<void> {
  do {
    if (reader.held.length > 0 && !(await written(upstream, reader.take()))) return;
  } while (await reader.more());
  upstream.end();
}

/** Why the bytes of the client may not go on, or null. */
async function inspect(tunnel: Tunnel): Promise<string | null> {
  if (!tunnel.mustBeTls && (await tunnel.reader.atLeast(1))?.[0] !== TLS_HANDSHAKE) return null;
  const hello = await within(tunnel.helloMs, tunnel.gone, async () => readHello(tunnel.reader));
  if (hello === null) return 'the ClientHello did not come in time';
  if (hello.kind !== 'hello') return hello.kind === 'more' ? 'the ClientHello is not whole' : hello.reason;
  return differs(hello.serverName, tunnel.host);
}

async function readHello(reader: ByteReader): Promise<Hello> {
  for (;;) {
    const hello = readClientHello(reader.held);
    if (hello.kind !== 'more') return hello;
    if (reader.held.length > 2 * MAX_HELLO) return { kind: 'refused', reason: 'the ClientHello is too long' };
    if (!(await reader.more())) return hello;
  }
}

function differs(serverName: string | null, host: Tunnel['host']): string | null {
  if (serverName === null) return host.kind === 'address' ? null : 'the ClientHello names no server';
  const name = parseHost(serverName);
  if (name.kind === 'name' && host.kind === 'name' && name.host === host.host) return null;
  return 'the server name of the ClientHello is not the host that was asked for';
}
