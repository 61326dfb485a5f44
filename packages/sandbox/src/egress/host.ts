/**
 * Reads the host that a client names: one spelling goes in, one canonical spelling comes out, or a refusal. Pure.
 * Spellings that resolvers and browsers read differently (octal, short and decimal IPv4, zones, escapes) are refused,
 * so that what is judged is what is connected to.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { domainToASCII } from 'node:url';

export type Host =
  | { readonly kind: 'name'; readonly host: string }
  | { readonly kind: 'address'; readonly host: string }
  | { readonly kind: 'refused'; readonly reason: string };

const MAX_NAME = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** What the URL standard takes for IPv4: a last label of digits, or hexadecimal. */
const NUMERIC_END = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;
const IPV4 = /^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/;

const refused = (reason: string): Host => ({ kind: 'refused', reason });

export function parseHost(text: string): Host {
  if (text === '') return refused('the host is empty');
  if (text.length > MAX_NAME + 1) return refused('the host is too long');
  if (text.includes(':') || text.startsWith('[')) return parseIpv6(text);
  if (!/^[A-Za-z0-9._-]+$/.test(text)) return refused('the host has a character that no host name has');
  return parseName(text.toLowerCase().replace(/\.$/, ''));
}

function parseIpv6(text: string): Host {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (!/^[0-9A-Fa-f:.]+$/.test(bare) || !isIPv6(bare)) return refused('the host is no IPv6 address without zone');
  return { kind: 'address', host: canonicalAddress(bare) };
}

function parseName(name: string): Host {
  if (NUMERIC_END.test(name)) {
    if (IPV4.test(name) && isIPv4(name)) return { kind: 'address', host: name };
    return refused('an IPv4 address is written as four decimal numbers without leading zeros');
  }
  if (name.length > MAX_NAME || !name.split('.').every((label) => LABEL.test(label)))
    return refused('the host is no valid name');
  if (/(?:^|\.)xn--/.test(name) && domainToASCII(name) !== name) return refused('the host is no valid punycode');
  return { kind: 'name', host: name };
}

/** One spelling for each address; the argument is an address. */
export function canonicalAddress(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address.toLowerCase() : address;
}
