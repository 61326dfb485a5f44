/** Requirements of the area `egress`: the only way out of a sandbox. */
import type { Requirements } from '../requirement.ts';

export const egress = {
  'egress.one-port': { text: 'HTTP, CONNECT and SOCKS5 are served on one port, and anything else is closed' },
  'egress.http.forwards': {
    text: 'a plain request and its answer pass whole, streamed both ways, on kept connections',
  },
  'egress.http.hop-by-hop': { text: 'headers of one hop are dropped both ways, and Host is that of the URL' },
  'egress.http.no-smuggling': {
    text: 'a request that two readers could take for different ones is refused and never forwarded',
    source: 'RFC 9112 sections 6.3, 5.2 and 11.2',
  },
  'egress.connect.tunnels': { text: 'CONNECT carries TLS untouched' },
  'egress.connect.server-name': {
    text: 'a ClientHello that does not name the host of CONNECT is refused before a byte of it goes on',
    source: 'security.md 2.3 case 37',
  },
  'egress.socks5': {
    text: 'SOCKS5 CONNECT by name and by address passes; BIND and UDP are refused',
    source: 'RFC 1928',
  },
  'egress.refusal.names-rule': { text: 'a refusal says which rule would be needed, in each protocol' },
  'egress.host.spelling': {
    text: 'a host is one canonical spelling or refused: no octal, hexadecimal, short, zoned or escaped form',
    source: 'security.md 2.3 case 31',
  },
  'egress.address.guarded': {
    text: 'an address that is not public is refused before a connection unless a rule names it',
    source: 'security.md 2.3 cases 28, 30 and 31',
  },
  'egress.address.own-ports': { text: 'ports of this product are closed whatever is granted', source: 'case 29' },
  'egress.dns.once': {
    text: 'a name is looked up once, every answer is judged, and the connection goes to a judged answer',
    source: 'security.md 2.3 case 32',
  },
  'egress.dns.no-tunnel': { text: 'a name that no rule allows is never looked up', source: 'security.md 2.3 case 36' },
  'egress.redirect.new-request': { text: 'a redirect is another request and judged as such', source: 'case 33' },
  'egress.ports': { text: 'harmful ports stay closed, and ports can be narrowed for each protocol' },
  'egress.record.first': { text: 'each decision is recorded before a connection; without a record there is none' },
  'egress.decide.waits': { text: 'a verdict may take its time, and an asker that is gone or a fault is a refusal' },
  'egress.bounds': { text: 'every queue and wait has a bound and a defined behaviour at it' },
  'egress.close.nothing-left': { text: 'close ends every connection and leaves no socket, timer or listener' },
  'egress.clients': { text: 'ordinary programs work through it by their proxy settings' },
  'egress.namespace': {
    text: 'a listener of another network namespace is served with connections of this one',
    source: 'policy.md 6.3',
  },
} as const satisfies Requirements;
