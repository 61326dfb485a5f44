/**
 * Decides, from the request line and the headers alone, whether a request may be looked at. Pure. It runs on every
 * route: a page that had a name rebound to this machine is stopped here, whatever it asks for.
 */
import type { HeaderValues } from '@agentbox/auth';
import type { ErrorCode } from '@agentbox/protocol';
import { type Authority, isAllowedHost, isAllowedOrigin, isLoopbackName, parseAuthority } from './authority.ts';
import type { EdgeSettings } from './settings.ts';

export interface RequestFacts {
  readonly target: string;
  readonly headers: HeaderValues;
  readonly headerCount: number;
  readonly remoteAddress: string;
}

export interface Admitted {
  readonly kind: 'admitted';
  readonly path: string;
  /** absolute, with the host that was checked */
  readonly url: string;
  /** the browser's origin, checked; null when there was none */
  readonly origin: string | null;
  /** the client's address, through the proxies that are believed */
  readonly remoteAddress: string;
  /** from this machine itself: loopback address, loopback name, and no sign of a proxy or tunnel */
  readonly direct: boolean;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly code: ErrorCode;
  readonly message: string;
}

export const refuse = (code: ErrorCode, message: string): Refusal => ({ kind: 'refused', code, message });

/** Headers whose second copy would be read by one party and not by another. */
const SINGLE = ['host', 'authorization', 'content-length', 'content-type', 'transfer-encoding', 'origin', 'expect'];

const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

const PROXY_SIGNS = /^(x-forwarded-|forwarded$|via$|x-real-ip$|cf-|tailscale-|x-original-)/;

export function admit(facts: RequestFacts, settings: EdgeSettings): Admitted | Refusal {
  const { headers, target } = facts;
  if (facts.headerCount > settings.maxHeaders) {
    return refuse('HEADERS_TOO_LARGE', `More than ${settings.maxHeaders} headers.`);
  }
  const twice = SINGLE.find((name) => (headers[name]?.length ?? 0) > 1);
  if (twice !== undefined) return refuse('MALFORMED_REQUEST', `The header ${twice} is sent more than once.`);
  const coding = headers['transfer-encoding']?.[0];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return refuse('MALFORMED_REQUEST', 'Transfer-Encoding is something else than chunked.');
  }
  if (!/^\/[\x21-\x5b\x5d-\x7e]*$/.test(target))
    return refuse('MALFORMED_REQUEST', 'The request target is not a path.');
  // Two readers of a path with dot segments may see two routes.
  if (DOT_SEGMENT.test(pathOf(target))) return refuse('MALFORMED_REQUEST', 'The path has dot segments.');
  return admitHost(facts, settings);
}

function admitHost(facts: RequestFacts, settings: EdgeSettings): Admitted | Refusal {
  const { headers, target, remoteAddress } = facts;
  const trusted = settings.trustedProxies.includes(plainAddress(remoteAddress));
  const claimed = headers['host']?.[0];
  const host = claimed === undefined ? null : parseAuthority(claimed);
  if (host === null) return refuse('MALFORMED_REQUEST', 'The Host header is missing or not a host name.');
  const forwarded = trusted ? forwardedFacts(headers, settings.trustedProxies) : NOT_FORWARDED;
  const outer = forwarded.host === null ? host : parseAuthority(forwarded.host);
  if (outer === null || !isAllowedHost(outer, settings.allowedHosts) || !isAllowedHost(host, settings.allowedHosts)) {
    return refuse('HOST_NOT_ALLOWED', 'The Host header names a host that is not served here.');
  }
  const origin = headers['origin']?.[0] ?? null;
  if (origin !== null && !isAllowedOrigin(origin, outer, settings.allowedOrigins)) {
    return refuse('ORIGIN_NOT_ALLOWED', 'Pages of this origin may not send requests here.');
  }
  return {
    kind: 'admitted',
    path: pathOf(target),
    url: `${forwarded.scheme}://${authorityText(outer)}${target}`,
    origin,
    remoteAddress: forwarded.address ?? plainAddress(remoteAddress),
    get direct() {
      return isDirect(facts, host);
    },
  };
}

const pathOf = (target: string): string => target.split('?', 1)[0] ?? target;

const authorityText = ({ name, port }: Authority): string => (port === null ? name : `${name}:${port}`);

/** An IPv4 client of a dual-stack socket. */
const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d)/i, '');

function isDirect({ headers, remoteAddress }: RequestFacts, host: Authority): boolean {
  if (!isLoopbackName(plainAddress(remoteAddress)) || !isLoopbackName(host.name)) return false;
  return !Object.keys(headers).some((name) => PROXY_SIGNS.test(name));
}

interface Forwarded {
  readonly scheme: 'http' | 'https';
  readonly host: string | null;
  readonly address: string | null;
}

const NOT_FORWARDED: Forwarded = { scheme: 'http', host: null, address: null };

/** The last entry that a believed proxy wrote; what stands before it came from the client and may be invented. */
function forwardedFacts(headers: HeaderValues, trusted: readonly string[]): Forwarded {
  const words = (name: string): readonly string[] =>
    (headers[name] ?? []).flatMap((value) => value.split(',')).map((word) => word.trim());
  return {
    scheme: words('x-forwarded-proto').at(-1) === 'https' ? 'https' : 'http',
    host: words('x-forwarded-host').at(-1) ?? null,
    address: words('x-forwarded-for').findLast((address) => !trusted.includes(address)) ?? null,
  };
}
