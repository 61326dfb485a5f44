/**
 * What the egress proxy asks of its owner and what it tells: one verdict and one record for each connection that a
 * sandboxed command asks for. The proxy has no rules of its own beside the guard over addresses and ports.
 */
import type { Server, Socket } from 'node:net';
import type { ExecEntry, RuleHit } from '@agentbox/protocol';
import type { EgressLimits } from './limits.ts';

export type EgressEntry = Extract<ExecEntry['what'], { readonly kind: 'egress' }>;
export type EgressProtocol = EgressEntry['protocol'];

export interface EgressRequest {
  /** `http` forwarded in plain text, `https` through CONNECT, `socks5` any TCP */
  readonly protocol: EgressProtocol;
  /** lower-case name without final dot, or an address in its canonical form without brackets */
  readonly host: string;
  readonly port: number;
}

export type EgressVerdict =
  | { readonly kind: 'allow'; readonly rule: RuleHit | null }
  | {
      readonly kind: 'refuse';
      readonly rule: RuleHit | null;
      /** why, one sentence without a full stop */
      readonly reason: string;
      /** what `ruleFor` says, or null where no rule would help */
      readonly needed: string | null;
    };

export type PortList = readonly number[] | 'any';

export interface EgressOptions {
  /** listens already, or the descriptor of a bound stream socket, which then belongs to the proxy */
  readonly listener: Server | { readonly fd: number };
  /** a promise may wait for a person; the signal says that the asker is gone or the time is up */
  readonly decide: (request: EgressRequest, signal: AbortSignal) => EgressVerdict | Promise<EgressVerdict>;
  /** called before the connection is made; when it throws there is no connection */
  readonly record: (entry: EgressEntry) => void;
  /** whether a rule allows this very address as a host, for the request's protocol: opens one that is not public */
  readonly isGranted: (address: string, request: EgressRequest) => boolean;
  /** rule file that a refusal names */
  readonly rulesFile: string;
  /** ports of this product on this machine, closed whatever is granted */
  readonly ownPorts?: readonly number[];
  /** narrows the ports of a protocol; `any`, which is usual, leaves out those for mail, shares and remote shells */
  readonly ports?: Readonly<Partial<Record<EgressProtocol, PortList>>>;
  readonly limits?: Partial<EgressLimits>;
  /** every address of a name */
  readonly lookup?: (name: string, signal: AbortSignal) => Promise<readonly string[]>;
  readonly dial?: (address: string, port: number) => Socket;
  readonly ownAddresses?: () => readonly string[];
  readonly ownName?: () => string;
}

export interface Egress {
  readonly connections: number;
  /** ends once no socket, timer or listener is left; open connections have `graceMs` to finish */
  readonly close: (graceMs?: number) => Promise<void>;
}
