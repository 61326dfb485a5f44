/**
 * The profile under which a caller's commands run: what the operator set, narrowed by what the client asks for. Each
 * caller has a home and a /tmp of its own, kept between commands.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PrincipalId, SandboxProfile } from '@agentbox/protocol';
import type { PlaceCommand } from '@agentbox/providers';
import { holdToCeiling } from '@agentbox/sandbox';
import type { Config } from '../config/schema.ts';

const PRIVATE = 0o700;

/** Asked for at each start: a client's wish narrows what the operator set, and never widens it. */
export function placeCommands(home: string, config: Config): PlaceCommand {
  return ({ owner, state }) => {
    const ceiling = ceilingFor(home, config, owner);
    if (ceiling === null || state === null) return { profile: ceiling, narrowed: [] };
    return holdToCeiling(ceiling, state.wish, config.box.workspace ?? '/');
  };
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
    hidden: [home, ...hidden],
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
