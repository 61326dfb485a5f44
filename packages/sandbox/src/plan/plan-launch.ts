/**
 * From a profile and what was observed to how one command is launched, or why it is not. Pure: reads nothing, starts
 * nothing; what was observed decides.
 */
import type { LaunchPlan, ResourceLimits, SandboxLimits, SandboxProfile } from '@agentbox/protocol';
import { innermost, isBelow } from '../paths.ts';
import { bubblewrapArguments } from './bubblewrap.ts';
import { planEnvironment } from './environment.ts';
import type { LaunchFacts, PathFacts } from './facts.ts';
import { landlockAlone, landlockInside } from './landlock.ts';
import { type Mount, planMounts } from './mounts.ts';
import type { Place, Placeholder } from './placeholders.ts';
import { cwdInside, findProblem, type LaunchProblem } from './refusals.ts';

export type Launch =
  | {
      readonly kind: 'launch';
      readonly plan: LaunchPlan;
      /** working directory, canonical, as seen inside */
      readonly cwd: string;
      /** what `Placeholders` must hold from before the start until the last process has ended, or the start fails */
      readonly placeholders: readonly (Placeholder | Place)[];
    }
  | { readonly kind: 'refuse'; readonly problem: LaunchProblem };

export function planLaunch(profile: SandboxProfile, facts: LaunchFacts): Launch {
  const problem = findProblem(profile, facts);
  if (problem !== null) return { kind: 'refuse', problem };
  const { paths, engine } = facts;
  const cwd = cwdInside(paths) ?? paths.cwd.asked;
  const common = {
    rlimits: resourceLimits(profile.limits, facts.groupLimits, engine.kind === 'landlock'),
    group: facts.groupLimits ? groupOf(profile.limits) : null,
    noExecFromWritable: profile.noExecFromWritable,
    writable: paths.writable.flatMap(({ canonical }) => canonical ?? []),
  };
  if (engine.kind === 'landlock')
    return { kind: 'launch', plan: { ...common, ...planAlone(facts) }, cwd, placeholders: [] };
  const mounts = planMounts(paths);
  const root = facts.uid === 0;
  const sharedMemoryBytes = Math.floor(profile.limits.memoryBytes / 2);
  const plan: LaunchPlan = {
    ...common,
    bubblewrap: {
      program: engine.bubblewrap.program,
      args: bubblewrapArguments({ bubblewrap: engine.bubblewrap, mounts, cwd, root, sharedMemoryBytes }),
    },
    landlock: landlockInside(mounts, facts.uid),
    network: profile.network === 'rules' ? 'proxy' : 'none',
    environment: planEnvironment(profile.network, { home: paths.realHome, tmp: '/tmp' }, facts.environment),
  };
  return { kind: 'launch', plan, cwd, placeholders: [...privatePlaces(mounts), ...standIns(paths, mounts)] };
}

/** Without a network namespace there is no place for a proxy that cannot be gone round: the network stays shut. */
function planAlone({
  paths,
  environment,
}: LaunchFacts): Pick<LaunchPlan, 'bubblewrap' | 'landlock' | 'network' | 'environment'> {
  const own = { home: paths.home.canonical ?? paths.home.asked, tmp: paths.tmp.canonical ?? paths.tmp.asked };
  return {
    bubblewrap: null,
    landlock: landlockAlone(paths),
    network: 'none',
    environment: planEnvironment('none', own, environment),
  };
}

function standIns({ guard }: PathFacts, mounts: readonly Mount[]): readonly Placeholder[] {
  const mounted = new Set(mounts.map((mount) => mount.path));
  return guard.guarded.flatMap((one): readonly Placeholder[] => {
    if (!mounted.has(one.path) || one.how === 'read-only' || one.how === 'pinned') return [];
    return [{ path: one.path, content: one.how === 'stand-in' ? one.content : null }];
  });
}

/** What a command left in its private directories is in the way of nothing: no link there leads a mount elsewhere. */
function privatePlaces(mounts: readonly Mount[]): readonly Place[] {
  return mounts.flatMap((mount): readonly Place[] => {
    if (mount.kind === 'link' || mount.kind === 'directory') return [];
    const around = innermost(
      mounts.filter((one) => isBelow(one.path, mount.path)),
      mount.path,
    );
    if (around?.kind !== 'write' || around.source === around.path) return [];
    const like = 'source' in mount ? mount.source : mount.kind === 'mask-file' ? '/dev/null' : null;
    return [{ root: around.source, names: mount.path.slice(around.path.length + 1).split('/'), like }];
  });
}

const groupOf = (limits: SandboxLimits): LaunchPlan['group'] => ({
  memoryBytes: limits.memoryBytes,
  processes: limits.processes,
});

/** Address space stands in for memory where no group counts it; runtimes reserve more than they use. */
const LEAST_ADDRESS_SPACE = 4 * 1024 ** 3;
/** Outside a namespace of its own, a user's processes are counted with all others of that user. */
const OTHER_PROCESSES = 4096;

function resourceLimits(limits: SandboxLimits, group: boolean, alone: boolean): ResourceLimits {
  return {
    addressSpaceBytes: group ? null : Math.max(limits.memoryBytes, LEAST_ADDRESS_SPACE),
    processes: group ? null : limits.processes + (alone ? OTHER_PROCESSES : 0),
    openFiles: limits.openFiles,
    fileBytes: limits.fileBytes,
    cpuSeconds: limits.cpuSeconds,
  };
}
