/** Every bound of the HTTP edge, settled once. Times in ms, sizes in bytes. */

export interface EdgeSettings {
  /** host names beside loopback, each with or without a port */
  readonly allowedHosts: readonly string[];
  /** origins beside the server's own, such as `https://console.example` */
  readonly allowedOrigins: readonly string[];
  /** addresses of proxies whose X-Forwarded-For, -Proto and -Host are believed */
  readonly trustedProxies: readonly string[];
  readonly maxBodyBytes: number;
  /** bodies being read by all connections together */
  readonly maxBufferedBytes: number;
  readonly maxJsonDepth: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** an answer of which the client takes nothing for so long is given up */
  readonly stallTimeoutMs: number;
  /** the same for an event stream, whose client may sleep for a while */
  readonly streamStallTimeoutMs: number;
  /** requests being answered, open streams among them */
  readonly maxInFlight: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

export const EDGE_SETTINGS: EdgeSettings = {
  allowedHosts: [],
  allowedOrigins: [],
  trustedProxies: [],
  maxBodyBytes: 16 * 1024 * 1024,
  maxBufferedBytes: 256 * 1024 * 1024,
  maxJsonDepth: 128,
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 100,
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  stallTimeoutMs: 30_000,
  streamStallTimeoutMs: 120_000,
  maxInFlight: 8_192,
  maxConnections: 4_096,
  maxConnectionsPerAddress: 2_048,
};

export function settleEdge(asked: Partial<EdgeSettings>): EdgeSettings {
  return { ...EDGE_SETTINGS, ...asked };
}
