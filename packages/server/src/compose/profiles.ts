/**
 * The profile under which a caller's commands run: what the operator set, narrowed by what the client asks for. Each
 * caller has a home and a /tmp of its own, kept between commands.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { PrincipalId, SandboxProfile } from '@agentbox/protocol';
import type { PlaceCommand } from '@agentbox/providers';
import { canonicalProfile, holdToCeiling, secretsOf } from '@agentbox/sandbox';
import type { Config } from '../config/schema.ts';

const PRIVATE = 0o700;

/** how long a ceiling is taken as found, in ms: following its links takes longer than asking the rules does */
const FOUND_MS = 2000;
/** callers whose ceilings are kept */
const KEPT_CEILINGS = 64;

interface FoundCeiling {
  readonly profile: SandboxProfile | null;
  readonly until: number;
}

/** Asked for at each start: a client's wish narrows what the operator set, and never widens it. */
export function placeCommands(home: string, config: Config, skillRoots: readonly string[]): PlaceCommand {
  const found = new Map<PrincipalId, FoundCeiling>();
  const ceilingOf = (owner: PrincipalId): SandboxProfile | null => {
    const now = performance.now();
    const known = found.get(owner);
    if (known !== undefined && now < known.until) return known.profile;
    const set = withSkills(ceilingFor(home, config, owner), skillRoots);
    // Links are followed here, where the operator's own paths are known: below, a link is a way out.
    const profile = set === null ? null : canonicalProfile(set);
    if (found.size >= KEPT_CEILINGS) found.clear();
    found.set(owner, { profile, until: now + FOUND_MS });
    return profile;
  };
  return ({ owner, state }) => {
    const ceiling = ceilingOf(owner);
    if (ceiling === null) return { profile: null, narrowed: [] };
    if (state === null) return { profile: ceiling, narrowed: [] };
    return holdToCeiling(ceiling, state.wish, config.box.workspace ?? '/');
  };
}

/** What a skill tells a command to run or read is there for it, wherever the operator keeps skills. */
function withSkills(profile: SandboxProfile | null, roots: readonly string[]): SandboxProfile | null {
  if (profile === null) return null;
  const seen = [...profile.readable, ...profile.writable, ...profile.hidden];
  const unseen = roots.filter((root) => existsSync(root) && !seen.some((place) => root.startsWith(`${place}/`)));
  return { ...profile, readable: [...profile.readable, ...unseen] };
}

/** null: on the host. */
function ceilingFor(home: string, config: Config, owner: PrincipalId): SandboxProfile | null {
  const own = join(home, 'box', 'private', owner);
  const places = { tmp: join(own, 'tmp'), home: join(own, 'home') };
  const profile = profileOf(config, home, places);
  if (profile === null) return null;
  for (const place of Object.values(places)) mkdirSync(place, { recursive: true, mode: PRIVATE });
  return profile;
}

/** What the operator set, with a caller's own places; null on the host. Makes nothing. */
export function profileOf(
  config: Config,
  home: string,
  places: Pick<SandboxProfile, 'tmp' | 'home'>,
): SandboxProfile | null {
  const { profile: name, workspace } = config.box;
  if (name === 'host' || workspace === null) return null;
  const { limits, readable, writable, hidden, network, no_exec_from_writable: noExecFromWritable } = config.sandbox;
  const mayWrite = name === 'workspace';
  return {
    name,
    readable: mayWrite ? readable : [workspace, ...writable, ...readable],
    writable: mayWrite ? [workspace, ...writable] : [],
    hidden: [home, ...secretsOf(homedir()), ...hidden],
    ...places,
    network,
    noExecFromWritable,
    limits: {
      memoryBytes: limits.memory_bytes,
      processes: limits.processes,
      openFiles: limits.open_files,
      fileBytes: limits.file_bytes,
      cpuSeconds: limits.cpu_seconds,
    },
  };
}
