/**
 * The egress proxy of one sandbox: HTTP, CONNECT and SOCKS5 on one listener, told apart by the first byte. It holds
 * no rules and opens no TLS. When it is closed nothing of it is left.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { AddressGuard } from './address-guard.ts';
import type { Egress, EgressOptions } from './contract.ts';
import { Gate } from './gate.ts';
import { serveHttp } from './http.ts';
import { settleLimits } from './limits.ts';
import { Session } from './session.ts';
import { serveSocks5 } from './socks5.ts';
import { within } from './within.ts';

const SOCKS5 = 5;
const FIRST_LETTER = 0x41;
const LAST_LETTER = 0x5a;

function listening(listener: EgressOptions['listener']): Server {
  if (!('fd' in listener)) return listener;
  const server = createServer({ allowHalfOpen: true });
  // What cannot be listened on serves nobody: the command finds a closed port.
  server.on('error', () => server.close());
  return server.listen({ fd: listener.fd });
}

const dialAddress = (address: string, port: number): Socket =>
  connect({ host: address, port, allowHalfOpen: true, noDelay: true });

async function serve(session: Session): Promise<void> {
  const first = await within(session.limits.headMs, session.gone, async () => session.reader.atLeast(1));
  const byte = first?.[0] ?? 0;
  if (byte === SOCKS5) return serveSocks5(session);
  if (byte >= FIRST_LETTER && byte <= LAST_LETTER) return serveHttp(session);
  session.client.destroy();
}

export function serveEgress(options: EgressOptions): Egress {
  const limits = settleLimits(options.limits);
  const guard = new AddressGuard(options, limits.dnsMs);
  const gate = new Gate({ options, limits, guard, dial: options.dial ?? dialAddress });
  const running = new Map<Socket, Promise<void>>();
  const accept = (client: Socket): void => {
    if (running.size >= limits.connections) {
      client.destroy();
      return;
    }
    const session = new Session(client, gate, limits);
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    // A fault ends its own connection and no other.
    const served = serve(session).catch(() => void client.destroy());
    running.set(
      client,
      Promise.all([served, closed]).then(() => void running.delete(client)),
    );
  };
  const server = listening(options.listener).on('connection', accept);
  return {
    get connections() {
      return running.size;
    },
    close: async (graceMs = 0) => {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      await within(graceMs, new AbortController().signal, async () => Promise.all(running.values()));
      for (const client of running.keys()) client.destroy();
      await Promise.all(running.values());
      await stopped;
      server.off('connection', accept);
    },
  };
}
