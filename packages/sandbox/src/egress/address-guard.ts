/**
 * Which ports and addresses a request may reach, whatever its rule says: no address that is not public unless a rule
 * names it literally, and no port of this product on this machine at all. Every address of a name is judged; one that
 * may not be reached refuses them all, since a name that mixes them has only one use.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { type AddressClass, classOf } from './address-class.ts';
import type { EgressOptions, EgressProtocol, EgressRequest, PortList } from './contract.ts';
import { canonicalAddress, type Host } from './host.ts';
import { denied, failed, type Refusal, ruleFor } from './refusal.ts';
import { within } from './within.ts';

/** Which port a rule means is for the verdict to say. */
const PORTS: Readonly<Record<EgressProtocol, PortList>> = { http: 'any', https: 'any', socks5: 'any' };
/** Echo, discard, chargen, telnet, mail, portmap, Windows shares, r-commands, NFS. */
const HARMFUL_PORTS: readonly number[] = [
  7, 9, 19, 23, 25, 111, 135, 137, 138, 139, 445, 465, 512, 513, 514, 587, 2049,
];
const LOOPBACK = '127.0.0.1';

export type Found =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

const addressesOfThisMachine = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((some) => some?.map(({ address }) => address) ?? []);

const resolve = async (name: string): Promise<readonly string[]> =>
  (await lookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address);

const isLocalhost = (name: string): boolean => name === 'localhost' || name.endsWith('.localhost');

export class AddressGuard {
  readonly #options: EgressOptions;
  readonly #dnsMs: number;
  readonly #ports: Readonly<Record<EgressProtocol, PortList>>;

  constructor(options: EgressOptions, dnsMs: number) {
    this.#options = options;
    this.#dnsMs = dnsMs;
    this.#ports = { ...PORTS, ...options.ports };
  }

  /** The reason, or null. */
  refusePort({ protocol, port }: EgressRequest): string | null {
    const open = this.#ports[protocol];
    if (open === 'any') return HARMFUL_PORTS.includes(port) ? `port ${port} is closed for every host` : null;
    if (open.includes(port)) return null;
    return `${protocol} may use port ${open.join(', ')}, not ${port}`;
  }

  async addressesOf(request: EgressRequest, host: Host, gone: AbortSignal): Promise<Found> {
    if (host.kind === 'address') return this.#checked(request, [request.host]);
    if (isLocalhost(request.host)) return this.#checked(request, [LOOPBACK]);
    const ownName = (this.#options.ownName ?? hostname)().toLowerCase();
    const look = this.#options.lookup ?? resolve;
    const answers = await within(this.#dnsMs, gone, async (signal) => look(request.host, signal)).catch(() => []);
    if (answers === null) return { kind: 'refused', refusal: failed(504, 'the name is not resolved in time') };
    if (answers.length === 0) return { kind: 'refused', refusal: failed(502, 'the name does not resolve') };
    return this.#checked(request, answers, request.host === ownName);
  }

  #checked(request: EgressRequest, answers: readonly string[], isOwnName = false): Found {
    const own = new Set((this.#options.ownAddresses ?? addressesOfThisMachine)().map(canonicalAddress));
    const addresses = answers.map((answer) => (isIP(answer) === 0 ? answer : canonicalAddress(answer)));
    for (const address of addresses) {
      const ofThisMachine = isOwnName || own.has(address);
      const refusal = this.#judge(request, address, ofThisMachine);
      if (refusal !== null) return { kind: 'refused', refusal };
    }
    return { kind: 'addresses', addresses };
  }

  #judge(request: EgressRequest, address: string, ofThisMachine: boolean): Refusal | null {
    const special: AddressClass | null = classOf(address);
    const local = ofThisMachine || special?.name === 'loopback';
    if (local && (this.#options.ownPorts ?? []).includes(request.port))
      return denied(`port ${request.port} of this machine is its own`);
    if (special === null && !ofThisMachine) return null;
    const what = special === null ? 'an address of this machine' : `a ${special.name} address`;
    const reason = `${address} is ${what}`;
    if (special?.grantable === false) return denied(reason);
    if (this.#options.isGranted(address, request)) return null;
    return denied(reason, ruleFor({ ...request, host: address }, this.#options.rulesFile));
  }
}
