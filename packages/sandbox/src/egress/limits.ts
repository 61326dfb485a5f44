/** Bounds of the egress proxy. What happens at each is in docs/limits.md. */

export interface EgressLimits {
  /** connections of one sandbox at once */
  readonly connections: number;
  /** head of one request or answer, in `bytes` */
  readonly headerBytes: number;
  /** from the connection to the end of the first request's head */
  readonly headMs: number;
  /** from an answer to the next request on the same connection */
  readonly keepAliveMs: number;
  /** for the verdict, a person's included */
  readonly decisionMs: number;
  readonly dnsMs: number;
  /** for all addresses of a name together, and for one of them while another is left */
  readonly connectMs: number;
  readonly attemptMs: number;
  /** addresses of a name that are tried */
  readonly attempts: number;
  /** from CONNECT's answer to the whole ClientHello */
  readonly helloMs: number;
  /** without a byte in either direction */
  readonly idleMs: number;
}

const DEFAULT_LIMITS: EgressLimits = {
  connections: 256,
  headerBytes: 32 * 1024,
  headMs: 15_000,
  keepAliveMs: 60_000,
  decisionMs: 600_000,
  dnsMs: 10_000,
  connectMs: 15_000,
  attemptMs: 2_000,
  attempts: 4,
  helloMs: 15_000,
  idleMs: 300_000,
};

export const settleLimits = (asked: Partial<EgressLimits> = {}): EgressLimits => ({ ...DEFAULT_LIMITS, ...asked });
