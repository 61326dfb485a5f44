/** The rules of all files together, in their order, ready to be asked. */
import type { HostExecutable, Layer, NetworkRule, PrefixRule, RuleFile } from './rule.ts';

export interface Policy {
  readonly files: readonly RuleFile[];
  /** by first word, in the order of the files */
  readonly byHead: ReadonlyMap<string, readonly PrefixRule[]>;
  /** the last definition of each name */
  readonly hostExecutables: ReadonlyMap<string, readonly string[]>;
  readonly networkRules: readonly NetworkRule[];
  /** rules that nobody could read, for want of which everything is forbidden */
  readonly unreadable: readonly { readonly name: string; readonly layer: Layer }[];
}

export function buildPolicy(files: readonly RuleFile[], unreadable: Policy['unreadable'] = []): Policy {
  return {
    files,
    byHead: groupByHead(files.flatMap(({ claims }) => claims.flatMap(({ rules }) => rules))),
    hostExecutables: lastOfEach(files.flatMap(({ hostExecutables }) => hostExecutables)),
    networkRules: files.flatMap(({ networkRules }) => networkRules),
    unreadable,
  };
}

export function groupByHead(rules: readonly PrefixRule[]): ReadonlyMap<string, readonly PrefixRule[]> {
  const byHead = new Map<string, PrefixRule[]>();
  for (const rule of rules) {
    const same = byHead.get(rule.head);
    if (same === undefined) byHead.set(rule.head, [rule]);
    else same.push(rule);
  }
  return byHead;
}

export function lastOfEach(executables: readonly HostExecutable[]): ReadonlyMap<string, readonly string[]> {
  return new Map(executables.map(({ name, paths }) => [name, paths]));
}

export interface NetworkDomains {
  readonly allowed: readonly string[];
  readonly denied: readonly string[];
}

/** What a proxy asks: the last rule of a host decides, and one that asks a person is in neither list. */
export function networkDomains(policy: Policy): NetworkDomains {
  const [allowed, denied] = [new Set<string>(), new Set<string>()];
  for (const { host, decision } of policy.networkRules) {
    if (decision === 'prompt') continue;
    const [into, from] = decision === 'allow' ? [allowed, denied] : [denied, allowed];
    from.delete(host);
    into.delete(host);
    into.add(host);
  }
  return { allowed: [...allowed], denied: [...denied] };
}
