/** From what a client sent to the profile of its commands: never wider than the operator's ceiling in anything. */
import type { SandboxProfile } from '@agentbox/protocol';
import { type Clamped, clampToCeiling } from './clamp.ts';
import { canonicalProfile, resolveWish } from './resolve.ts';
import type { SandboxWish } from './wish.ts';

export interface Held {
  readonly profile: SandboxProfile | 'host';
  /** what the client asked for and does not get, a sentence each */
  readonly narrowed: readonly string[];
}

/** `cwd`: where commands start when the client did not say. */
export function holdToCeiling(ceiling: SandboxProfile, wish: SandboxWish, cwd: string): Clamped {
  const held = clampToCeiling(canonicalProfile(ceiling), resolveWish(wish, cwd));
  return wish.files === 'unrestricted' ? { ...held, narrowed: [UNRESTRICTED, ...held.narrowed] } : held;
}

const UNRESTRICTED = 'all files were asked for: the profile of the operator holds';

/**
 * Under the profile `host` everything is allowed: a client that asks for less gets a sandbox. Its private directories
 * and limits are those of `base`, and what it may write is what it asked for.
 */
export function holdOnHost(base: SandboxProfile, wish: SandboxWish, cwd: string): Held {
  if (wish.files === null || wish.files === 'unrestricted') return { profile: 'host', narrowed: [] };
  const resolved = resolveWish(wish, cwd);
  const entries = resolved.entries ?? [];
  const places = (access: 'read' | 'write'): readonly string[] =>
    entries.flatMap((entry) =>
      entry.access === access && entry.path !== '/' && entry.path !== '/tmp' ? [entry.path] : [],
    );
  const ceiling = { ...canonicalProfile(base), readable: places('read'), writable: places('write') };
  return clampToCeiling({ ...ceiling, readable: [...ceiling.readable, cwd] }, resolved);
}
