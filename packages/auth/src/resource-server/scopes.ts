/** Turns what a token says it may do into our scopes. Pure. Exact words only: `agentbox:execute` is not `agentbox:exec`. */
import type { Scope } from '@agentbox/protocol';
import type { ScopeMap } from './issuer.ts';

/** `scope` is a string of words (RFC 9068), `scp` a list or a string of words. */
export function scopesOfClaims(claims: Readonly<Record<string, unknown>>): readonly string[] {
  return [claims['scope'], claims['scp']].flatMap((claim) => {
    if (typeof claim === 'string') return claim.split(' ').filter((word) => word !== '');
    return Array.isArray(claim) ? claim.filter((word) => typeof word === 'string') : [];
  });
}

export function grantedScopes(words: readonly string[], map: ScopeMap): ReadonlySet<Scope> {
  return new Set(words.flatMap((word) => (Object.hasOwn(map, word) ? (map[word] ?? []) : [])));
}

/** The required words that are neither in the token nor covered by a wider scope of it. */
export function missingScopes(required: readonly string[], words: readonly string[], map: ScopeMap): readonly string[] {
  const granted = grantedScopes(words, map);
  return required.filter((word) => {
    const meaning = Object.hasOwn(map, word) ? (map[word] ?? []) : [];
    const covered = meaning.length > 0 && meaning.every((scope) => granted.has(scope));
    return !covered && !words.includes(word);
  });
}
