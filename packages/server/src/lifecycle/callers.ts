/**
 * The callers beside the operator: each is a principal of its own, by name, with the scopes it was given and one token.
 * A name stands for one living token at most; a name that comes again after a revocation is another caller.
 */
import type { AuditLog, PrincipalRecord, Principals, TokenRecord } from '@agentbox/control-plane';
import { AgentboxError, type AuditEntry, type AuditKind, OPERATOR, SCOPES } from '@agentbox/protocol';
import { z } from 'zod';

const DAY_MS = 86_400_000;
const MAX_LIFE_MS = 3650 * DAY_MS;

export const newCaller = z.object({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/),
  scopes: z.array(z.enum(SCOPES)).min(1).readonly(),
  expires_in_ms: z.int().min(1).max(MAX_LIFE_MS).nullable(),
});
export type NewCaller = z.output<typeof newCaller>;

export const caller = z.object({
  name: z.string(),
  principal: z.string(),
  scopes: z.array(z.enum(SCOPES)).readonly(),
  created_at: z.number(),
  /** ms since the epoch; null never */
  expires_at: z.number().nullable(),
});
type Caller = z.output<typeof caller>;

export const createdCaller = caller.extend({ token: z.string() });
type CreatedCaller = z.output<typeof createdCaller>;

export interface Callers {
  /** the token is shown in this answer only */
  createToken(wanted: NewCaller): Promise<CreatedCaller>;
  /** those whose token is neither revoked nor over, the operator first */
  listTokens(): Promise<readonly Caller[]>;
  /** at once; answers how many tokens there were */
  revokeToken(name: string): Promise<number>;
}

interface CallersDeps {
  readonly audit: AuditLog;
  readonly principals: Principals;
  readonly clock: () => number;
}

export function createCallers(deps: CallersDeps): Callers {
  return {
    createToken: (wanted) => createToken(deps, wanted),
    listTokens: async () => (await living(deps)).map(({ record, token }) => shown(record, token)),
    revokeToken: (name) => revokeToken(deps, name),
  };
}

async function createToken(deps: CallersDeps, wanted: NewCaller): Promise<CreatedCaller> {
  const { name, scopes } = wanted;
  const isTaken = name === OPERATOR || (await living(deps)).some(({ record }) => record.name === name);
  if (isTaken) {
    throw new AgentboxError('INVALID_ARGUMENTS', `there is a token for \`${name}\` already: revoke it first`, { name });
  }
  const expiresAt = wanted.expires_in_ms === null ? null : deps.clock() + wanted.expires_in_ms;
  const created = await deps.principals.create(name, scopes);
  // The record comes before the effect: a token that cannot be written down is not made.
  await record(deps, 'token.created', name, { principal: created.id, scopes, expires_at: expiresAt });
  const issued = await deps.principals.issue(created.id, expiresAt === null ? {} : { expiresAt });
  return { ...shown(created, { createdAt: created.createdAt, expiresAt }), token: issued.token };
}

async function revokeToken(deps: CallersDeps, name: string): Promise<number> {
  if (name === OPERATOR) {
    throw new AgentboxError('INVALID_ARGUMENTS', 'the operator is never without a token: rotate replaces it', { name });
  }
  const found = (await living(deps)).filter(({ record: { name: known, id } }) => known === name && id !== OPERATOR);
  if (found.length === 0) throw new AgentboxError('INVALID_ARGUMENTS', `there is no token for \`${name}\``, { name });
  let count = 0;
  for (const principal of new Set(found.map((one) => one.record.id))) {
    await record(deps, 'token.revoked', name, { principal, why: 'revoked' });
    count += await deps.principals.revoke(principal);
  }
  return count;
}

interface Living {
  readonly record: PrincipalRecord;
  readonly token: TokenRecord;
}

async function living({ principals, clock }: CallersDeps): Promise<readonly Living[]> {
  const now = clock();
  const all = await principals.list();
  const tokens = await Promise.all(all.map(({ id }) => principals.tokens(id)));
  return all.flatMap((record, at) =>
    (tokens[at] ?? [])
      .filter((token) => token.revokedAt === null && (token.expiresAt === null || token.expiresAt > now))
      .map((token) => ({ record, token })),
  );
}

function shown(record: PrincipalRecord, token: Pick<TokenRecord, 'createdAt' | 'expiresAt'>): Caller {
  const { name, id, scopes } = record;
  return { name, principal: id, scopes, created_at: token.createdAt, expires_at: token.expiresAt };
}

async function record(
  { audit, clock }: CallersDeps,
  kind: AuditKind,
  subject: string,
  detail: AuditEntry['detail'],
): Promise<void> {
  await audit.append({ at: clock(), kind, principal: OPERATOR, trace: null, subject, outcome: 'ok', detail });
}
