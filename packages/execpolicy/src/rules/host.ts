/** Hosts of network rules: one host, in lower case, without port. A wildcard would promise more than is enforced. */
import { RulesFault } from '../problem.ts';
import { trimWhite, WHITE } from '../starlark/characters.ts';

const HINT = 'write one host name or address, such as "api.example.com"';

export function readHost(raw: string): string {
  const host = trimWhite(withoutPort(trimWhite(raw), raw).replace(/\.+$/, '')).replaceAll(/[A-Z]/g, (letter) =>
    letter.toLowerCase(),
  );
  if (host === '') throw new RulesFault('the host is empty', HINT);
  if (host.includes('*')) throw new RulesFault('a wildcard in a host', 'write one rule for each host');
  if (WHITE.test(host)) throw new RulesFault('white space in a host', HINT);
  return host;
}

/** The port of a host that readHost() accepts. */
export function readPort(raw: string): number | null {
  const host = trimWhite(raw);
  const digits = /^(?:\[[^\]]*\]|[^:]+):([0-9]+)$/.exec(host)?.[1];
  return digits === undefined ? null : Number(digits);
}

function withoutPort(host: string, raw: string): string {
  if (/:\/\/|[/?#]/.test(host)) throw new RulesFault('the host has a scheme or a path', HINT);
  if (host.startsWith('[')) {
    const end = host.indexOf(']');
    if (end === -1) throw new RulesFault('the address lacks its ]', HINT);
    if (!/^(?::[0-9]+)?$/.test(host.slice(end + 1)))
      throw new RulesFault(`the host ${JSON.stringify(raw)} goes on behind its address`, HINT);
    return host.slice(1, end);
  }
  return /^[^:]+:[0-9]+$/.test(host) ? host.slice(0, host.indexOf(':')) : host;
}
