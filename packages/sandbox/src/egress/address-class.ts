/**
 * Says what kind of address it is. Pure. Only what is plainly of the public internet is `public`; a special range
 * that is not in the tables below is refused as reserved until it is known. Ranges that only wrap another address, or
 * reach nobody, cannot be granted at all: whoever means the inner address names that.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

export interface AddressClass {
  readonly name: string;
  /** a rule that names the address itself opens it */
  readonly grantable: boolean;
}

type Row = readonly [network: string, prefix: number, name: string, grantable: boolean];

const IPV4: readonly Row[] = [
  ['0.0.0.0', 32, 'unspecified', false],
  ['0.0.0.0', 8, 'reserved', false],
  ['10.0.0.0', 8, 'private', true],
  ['100.100.100.200', 32, 'metadata', true],
  ['100.64.0.0', 10, 'shared', true],
  ['127.0.0.0', 8, 'loopback', true],
  ['168.63.129.16', 32, 'metadata', true],
  ['169.254.169.254', 32, 'metadata', true],
  ['169.254.0.0', 16, 'link-local', true],
  ['172.16.0.0', 12, 'private', true],
  ['192.0.0.0', 24, 'reserved', false],
  ['192.0.2.0', 24, 'documentation', true],
  ['192.88.99.0', 24, '6to4', false],
  ['192.168.0.0', 16, 'private', true],
  ['198.18.0.0', 15, 'benchmarking', true],
  ['198.51.100.0', 24, 'documentation', true],
  ['203.0.113.0', 24, 'documentation', true],
  ['224.0.0.0', 4, 'multicast', false],
  ['255.255.255.255', 32, 'broadcast', false],
  ['240.0.0.0', 4, 'reserved', false],
];

const IPV6: readonly Row[] = [
  ['::', 128, 'unspecified', false],
  ['::1', 128, 'loopback', true],
  ['::ffff:0:0', 96, 'IPv4-mapped', false],
  ['::', 96, 'IPv4-compatible', false],
  ['64:ff9b::', 96, 'NAT64', false],
  ['64:ff9b:1::', 48, 'NAT64', false],
  ['2001::', 32, 'Teredo', false],
  ['2001:2::', 48, 'benchmarking', true],
  ['2001::', 23, 'reserved', false],
  ['2001:db8::', 32, 'documentation', true],
  ['2002::', 16, '6to4', false],
  ['3fff::', 20, 'documentation', true],
  ['fd00:ec2::254', 128, 'metadata', true],
  ['fc00::', 7, 'private', true],
  ['fe80::', 10, 'link-local', true],
  ['fec0::', 10, 'private', true],
  ['ff00::', 8, 'multicast', false],
];

type Checked = AddressClass & { readonly list: BlockList };

function tableOf(rows: readonly Row[], family: 'ipv4' | 'ipv6'): readonly Checked[] {
  return rows.map(([network, prefix, name, grantable]) => {
    const list = new BlockList();
    list.addSubnet(network, prefix, family);
    return { name, grantable, list };
  });
}

const TABLES = { ipv4: tableOf(IPV4, 'ipv4'), ipv6: tableOf(IPV6, 'ipv6') } as const;
const ASSIGNED_IPV6 = tableOf([['2000::', 3, 'public', true]], 'ipv6');
const RESERVED: AddressClass = { name: 'reserved', grantable: false };

/** Null for a public address. */
export function classOf(address: string): AddressClass | null {
  if (isIPv4(address)) return TABLES.ipv4.find(({ list }) => list.check(address, 'ipv4')) ?? null;
  if (!isIPv6(address)) return RESERVED;
  const special = TABLES.ipv6.find(({ list }) => list.check(address, 'ipv6'));
  if (special !== undefined) return special;
  return ASSIGNED_IPV6.some(({ list }) => list.check(address, 'ipv6')) ? null : RESERVED;
}
