/**
 * Whether a connection may be made. Pure. What forbids or asks holds for every protocol and port of its host; what
 * allows holds for its own protocol and, unless the rule names one, its own port. Nothing matches: refused.
 */
import { type Decision, type NetworkRule, normalPath, type Policy, STRICTNESS } from '@agentbox/execpolicy';
import type { RuleHit } from '@agentbox/protocol';

export type NetworkProtocol = 'http' | 'https' | 'socks5';

export interface NetworkVerdict {
  readonly decision: 'allow' | 'refuse' | 'ask';
  readonly rule: RuleHit | null;
  /** a sentence for whoever is refused or asked; names the rule that would be needed */
  readonly text: string;
}

/** `null`: any port */
const OWN_PORT = { http: 80, https: 443, socks5: null } as const;
const RULE_PROTOCOL = { http: 'http', https: 'https', socks5: 'socks5_tcp' } as const;
const DECISION: Readonly<Record<Decision, NetworkVerdict['decision']>> = {
  allow: 'allow',
  prompt: 'ask',
  forbidden: 'refuse',
};

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly protocol: NetworkProtocol;
}

export function decideNetwork(
  {
    policy,
    suspendedBy,
    amendFile,
  }: { readonly policy: Policy; readonly suspendedBy: string | null; readonly amendFile: string },
  connection: Connection,
): NetworkVerdict {
  const missing = policy.unreadable[0]?.name ?? suspendedBy;
  if (missing !== null)
    return { decision: 'refuse', rule: null, text: `${missing} cannot be read, so nothing is let out` };
  const host = plainHost(connection.host);
  let worst: NetworkRule | null = null;
  for (const rule of policy.networkRules) {
    if (rule.host !== host || !holds(rule, connection)) continue;
    if (worst === null || STRICTNESS[rule.decision] > STRICTNESS[worst.decision]) worst = rule;
  }
  if (worst === null) return { decision: 'refuse', rule: null, text: needed(connection, host, amendFile) };
  const { decision, justification, origin } = worst;
  const rule = { source: origin.file, line: origin.line, justification };
  const why = justification === null ? '' : `: ${justification}`;
  const does = { allow: 'allows', prompt: 'asks a person for', forbidden: 'forbids' }[decision];
  return { decision: DECISION[decision], rule, text: `${origin.file}:${origin.line} ${does} ${host}${why}` };
}

function holds(rule: NetworkRule, { port, protocol }: Connection): boolean {
  if (rule.decision !== 'allow') return true;
  const only = rule.port ?? OWN_PORT[protocol];
  return rule.protocol === RULE_PROTOCOL[protocol] && (only === null || only === port);
}

/** As rules name hosts. */
function plainHost(host: string): string {
  return host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.+$/, '')
    .toLowerCase();
}

function needed({ port, protocol }: Connection, host: string, amendFile: string): string {
  const own = OWN_PORT[protocol];
  const named = host.includes(':') ? `[${host}]` : host;
  const target = own === null || own === port ? named : `${named}:${port}`;
  const line = `network_rule(host=${JSON.stringify(target)}, protocol="${RULE_PROTOCOL[protocol]}", decision="allow")`;
  return `no rule allows ${protocol} to ${named}:${port}; a person can add this line to ${normalPath(amendFile)}: ${line}`;
}
