/** The subject of an external token as one of our principals: the same issuer and subject are the same principal always. */
import { createHash } from 'node:crypto';
import { assertInvariant } from '@agentbox/base';
import type { PrincipalRecord, PrincipalStore } from '@agentbox/control-plane';
import { type PrincipalId, parsePrincipalId, type Scope } from '@agentbox/protocol';

export function externalPrincipalId(issuer: string, subject: string): PrincipalId {
  const digest = createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex');
  // 16 characters of 36 carry 82 bits: two subjects that meet are not to be found by trying.
  const id = parsePrincipalId(`p_${BigInt(`0x${digest}`).toString(36).padStart(16, '0').slice(-16)}`);
  assertInvariant(id !== undefined, 'a digest makes a principal id');
  return id;
}

const NAME_CEILING = 64;

/** Control characters of a foreign name would reach the operator's terminal. */
const printable = (name: string): string => name.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '').slice(0, NAME_CEILING);

export interface Subject {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string | null;
  readonly scopes: ReadonlySet<Scope>;
}

/** The record of the subject, written when it comes for the first time. */
export async function recordSubject(
  store: Pick<PrincipalStore, 'get' | 'put'>,
  { issuer, subject, name, scopes }: Subject,
  now: number,
): Promise<PrincipalRecord> {
  const id = externalPrincipalId(issuer, subject);
  const known = await store.get(id);
  if (known !== undefined) return known;
  const shown = printable(`${name ?? subject} (${URL.parse(issuer)?.host ?? issuer})`);
  const record = { id, name: shown === '' ? id : shown, scopes: [...scopes], createdAt: now, disabledAt: null };
  await store.put(record);
  return record;
}
