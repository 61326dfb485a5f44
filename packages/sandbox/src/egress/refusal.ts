/** Refusals of the proxy, in words that tell the command which rule would be needed, and in the codes of each protocol. */
import type { RuleHit } from '@agentbox/protocol';
import type { EgressProtocol, EgressRequest } from './contract.ts';

export interface Refusal {
  /** HTTP status */
  readonly status: 400 | 403 | 502 | 503 | 504;
  readonly reason: string;
  readonly needed: string | null;
  readonly rule: RuleHit | null;
}

const RULE_PROTOCOL: Readonly<Record<EgressProtocol, string>> = { http: 'http', https: 'https', socks5: 'socks5_tcp' };
/** What a rule without a port means; null: any. */
const OWN_PORT: Readonly<Record<EgressProtocol, number | null>> = { http: 80, https: 443, socks5: null };
/** RFC 1928 section 6: not allowed by ruleset, general failure, host unreachable. */
const SOCKS_REPLY: Readonly<Record<Refusal['status'], number>> = { 400: 2, 403: 2, 502: 4, 503: 1, 504: 4 };

export const socksReplyFor = ({ status }: Refusal): number => SOCKS_REPLY[status];

/** The rule that would let a request through, and where it belongs. */
export function ruleFor({ protocol, host, port }: EgressRequest, file: string): string {
  const own = OWN_PORT[protocol];
  const bare = own === null || own === port;
  const target = bare ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return `network_rule(host=${JSON.stringify(target)}, protocol="${RULE_PROTOCOL[protocol]}", decision="allow") in ${file}`;
}

export function denied(reason: string, needed: string | null = null, rule: RuleHit | null = null): Refusal {
  return { status: 403, reason, needed, rule };
}

export const failed = (status: 502 | 503 | 504, reason: string): Refusal => ({
  status,
  reason,
  needed: null,
  rule: null,
});

export function refusalText({ status, reason, needed }: Refusal): string {
  if (status !== 403) return `Egress failed: ${reason}`;
  return `Egress denied: ${reason}; rule needed: ${needed ?? 'none would allow it'}`;
}
