/** Reads `Host` and `Origin`. Pure and strict: what is not plainly a host name, an address or a port is not one. */

export interface Authority {
  /** lower case, without port; IPv6 in brackets */
  readonly name: string;
  readonly port: string | null;
}

const AUTHORITY = /^(?<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?)(?::(?<port>\d{1,5}))?$/i;

export function parseAuthority(text: string): Authority | null {
  const groups = AUTHORITY.exec(text)?.groups;
  const name = groups?.['name']?.toLowerCase();
  if (name === undefined) return null;
  return { name, port: groups?.['port'] ?? null };
}

export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** An entry without a port allows every port of that name. */
export function isAllowedHost(host: Authority, allowed: readonly string[]): boolean {
  if (isLoopbackName(host.name)) return true;
  return allowed.some((entry) => {
    const wanted = parseAuthority(entry);
    return wanted !== null && wanted.name === host.name && (wanted.port === null || wanted.port === host.port);
  });
}

/**
 * The server's own origin, a listed one, or, while the request itself came to a loopback name, any other loopback
 * origin: what runs there runs on this machine.
 */
export function isAllowedOrigin(origin: string, host: Authority, allowed: readonly string[]): boolean {
  const text = origin.toLowerCase();
  if (allowed.some((entry) => entry.toLowerCase() === text)) return true;
  const from = /^https?:\/\/(.+)$/.exec(text)?.[1];
  const authority = from === undefined ? null : parseAuthority(from);
  if (authority === null) return false;
  if (isLoopbackName(host.name)) return isLoopbackName(authority.name);
  return authority.name === host.name && authority.port === host.port;
}
