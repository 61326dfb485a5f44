/** Canary listeners on loopback and on Unix sockets: whoever reaches one is counted by the token that it was sent for. */
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

export interface Listeners {
  readonly tcpPort: number;
  /** the same port on ::1; null where IPv6 is off */
  readonly hasIpv6: boolean;
  /** answers every request with a redirect to `tcpPort` */
  readonly redirectPort: number;
  readonly udpPort: number;
  /** name of the abstract socket, without its leading NUL */
  readonly abstractName: string;
  readonly socketPath: string;
  /** hits so far on one of them */
  hits(kind: Kind): number;
  close(): Promise<void>;
}

export type Kind = 'tcp' | 'redirect' | 'udp' | 'abstract' | 'path';

const BODY = 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\ncanary\n';

export async function openListeners(socketPath: string, abstractName: string): Promise<Listeners> {
  const counts = new Map<Kind, number>();
  const hit = (kind: Kind): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const servers: Server[] = [];
  const answering = (kind: Kind, body: () => string): Server => {
    const server = createServer((socket) => {
      hit(kind);
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end(body()));
      socket.setTimeout(3000, () => socket.destroy());
    });
    servers.push(server);
    return server;
  };
  const tcp = answering('tcp', () => BODY);
  const tcpPort = await listening(tcp, { host: '127.0.0.1', port: 0 });
  const hasIpv6 = await listening(
    answering('tcp', () => BODY),
    { host: '::1', port: tcpPort },
  ).then(
    () => true,
    () => false,
  );
  const away = `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${tcpPort}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
  const redirectPort = await listening(
    answering('redirect', () => away),
    { host: '127.0.0.1', port: 0 },
  );
  await listening(
    answering('abstract', () => BODY),
    { path: `\0${abstractName}` },
  );
  await listening(
    answering('path', () => BODY),
    { path: socketPath },
  );
  const udp = createSocket('udp4', () => hit('udp'));
  await new Promise<void>((done) => udp.bind(0, '127.0.0.1', () => done()));
  return {
    tcpPort,
    hasIpv6,
    redirectPort,
    udpPort: udp.address().port,
    abstractName,
    socketPath,
    hits: (kind) => counts.get(kind) ?? 0,
    close: async () => {
      udp.close();
      await Promise.all(servers.map((server) => new Promise<void>((done) => server.close(() => done()))));
    },
  };
}

type Where = { readonly host: string; readonly port: number } | { readonly path: string };

function listening(server: Server, where: Where): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
