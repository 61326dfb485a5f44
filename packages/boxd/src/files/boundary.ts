/**
 * Where a patch may write: anywhere, inside one workspace, or where a command of the same caller could write in its
 * sandbox. Asked about real paths only; what lies outside is not even looked at.
 */
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { AgentboxError, type PatchRequest, type SandboxProfile } from '@agentbox/protocol';
import { mayWrite, standingPaths } from '@agentbox/sandbox';
import { isInside } from './resolve.ts';
import { expectErrno, systemText } from './system-error.ts';

/** Null where the user's own rights are the only bound. */
export interface Boundary {
  /** may lie in it, as a folder in which an earlier patch left something may */
  holds(real: string): boolean;
  /** why a path that leads to `real` is refused, or null */
  refusal(path: string, real: string): string | null;
}

export async function boundaryOf({ workspace, profile }: PatchRequest): Promise<Boundary | null> {
  if (profile !== null) return boundaryOfProfile(profile);
  if (workspace === null) return null;
  const root = await realRoot(workspace);
  return {
    holds: (real) => isInside(root, real),
    refusal: (path, real) =>
      isInside(root, real) ? null : `Refused: ${path} leads to ${real}, which is outside the workspace ${root}`,
  };
}

/** The profile comes with its links followed; a root that is another place by now was put there by somebody else. */
async function boundaryOfProfile(profile: SandboxProfile): Promise<Boundary> {
  const roots = profile.writable;
  for (const root of roots) {
    if ((await realRoot(root)) === root) continue;
    throw new AgentboxError('PATH_FORBIDDEN', `${root} has become a link: nothing is written through it`, {
      path: root,
    });
  }
  const standing = standingPaths(roots, homedir());
  const where =
    roots.length === 0
      ? `the profile ${profile.name} lets nothing be written`
      : `only ${roots.join(', ')} may be written`;
  return {
    holds: (real) => roots.some((root) => isInside(root, real)),
    refusal: (path, real) => {
      if (mayWrite(profile, real) && !standing.some((one) => isInside(one, real))) return null;
      const inside = roots.some((root) => isInside(root, real));
      const why = inside ? 'which is protected: it could make this machine run something' : where;
      return `Refused: ${path} leads to ${real}, ${inside ? why : `and ${why}`}`;
    },
  };
}

async function realRoot(workspace: string): Promise<string> {
  try {
    return await realpath(workspace);
  } catch (fault) {
    const code = expectErrno(fault);
    throw new AgentboxError('WORKDIR_NOT_FOUND', `the workspace ${workspace} cannot be used: ${systemText(code)}`, {
      workspace,
    });
  }
}
