/**
 * What this machine can hold. Everything is tried, as the present user and with what a launch really uses; a primitive
 * that is not there is one line with its fix, and never a reason to do with less, unless the operator allowed that.
 */
import type { SandboxProfile } from '@agentbox/protocol';
import { forbidsUserNamespaces } from '../plan/bubblewrap.ts';
import type { BubblewrapFacts, LaunchFacts } from '../plan/facts.ts';
import { type GroupMode, probeControlGroups } from './control-groups.ts';
import { type KernelFacts, probeKernel } from './kernel.ts';
import { type Missing, tryNamespaces } from './namespaces.ts';

export interface ProbeOptions {
  /** where `bwrap` is looked for; PATH of this process when absent */
  readonly searchPath?: string;
  /** runs with Landlock and seccomp alone where user namespaces are blocked */
  readonly allowLandlockOnly: boolean;
  /** in ms, for each program that is tried */
  readonly limitMs?: number;
}

export type ProfileReadiness =
  | {
      readonly kind: 'ready';
      readonly engine: 'namespaces' | 'landlock';
      readonly enforced: readonly string[];
      readonly notEnforced: readonly string[];
    }
  | { readonly kind: 'unavailable'; readonly missing: readonly Missing[] };

export interface MachineProbe {
  readonly kernel: KernelFacts;
  /** null: not usable, and `missing` says why */
  readonly bubblewrap: BubblewrapFacts | null;
  readonly groups: GroupMode;
  /** a session's memory and processes are bounded together */
  readonly groupLimits: boolean;
  readonly missing: readonly Missing[];
  /** `host` needs nothing and holds nothing: it is not among them */
  readonly profiles: Readonly<Record<SandboxProfile['name'], ProfileReadiness>>;
}

/** The whole probe runs two programs: half of its two seconds for each. */
const LIMIT_MS = 900;
const LEAST_LANDLOCK = 1;
/** Below this Landlock leaves files' names and sizes to be changed: too little to hold alone. */
const LEAST_LANDLOCK_ALONE = 3;

export async function probeMachine(options: ProbeOptions): Promise<MachineProbe> {
  const [kernel, namespaces] = await Promise.all([
    probeKernel(),
    tryNamespaces(options.searchPath ?? process.env['PATH'] ?? '', options.limitMs ?? LIMIT_MS),
  ]);
  const groups = probeControlGroups();
  const bubblewrap = 'bubblewrap' in namespaces ? namespaces.bubblewrap : null;
  const guard = guardMissing(kernel);
  const missing = [...guard, ...('missing' in namespaces ? [namespaces.missing] : [])];
  const facts = { kernel, bubblewrap, groups, groupLimits: boundsBoth(groups), missing };
  const sandboxed = judge(facts, options.allowLandlockOnly);
  return { ...facts, profiles: { workspace: sandboxed, 'read-only': sandboxed } };
}

/** What a launch needs of the probe; null where the profile is unavailable. */
export function engineOf(
  { profiles, bubblewrap }: MachineProbe,
  name: SandboxProfile['name'],
): LaunchFacts['engine'] | null {
  const readiness = profiles[name];
  if (readiness.kind === 'unavailable') return null;
  if (readiness.engine === 'landlock') return { kind: 'landlock' };
  return bubblewrap === null ? null : { kind: 'namespaces', bubblewrap };
}

const boundsBoth = (groups: GroupMode): boolean =>
  groups.kind === 'cgroup2' || (groups.kind === 'cgroup1' && groups.memory !== null && groups.processes !== null);

/** What the guard of programs needs, whatever holds the files. */
function guardMissing(kernel: KernelFacts): readonly Missing[] {
  const found: Missing[] = [];
  if (!kernel.userNotify) {
    const fix = 'a kernel with CONFIG_SECCOMP_FILTER=y; in a container: --security-opt seccomp=unconfined';
    found.push({ what: 'seccomp user notification is not there', fix });
  } else if (!kernel.waitKillable) {
    const fix = 'a kernel of 5.19 or newer (Debian 12, Ubuntu 22.04 with linux-generic-hwe-22.04, Ubuntu 24.04)';
    found.push({ what: 'seccomp cannot hold a program that can still be killed (WAIT_KILLABLE_RECV)', fix });
  }
  if (kernel.landlockAbi < LEAST_LANDLOCK) {
    const fix = 'start the kernel with landlock in its list: lsm=landlock,... (and CONFIG_SECURITY_LANDLOCK=y)';
    found.push({ what: 'Landlock is not switched on', fix });
  }
  if (kernel.yama >= 3) {
    const fix = 'sysctl -w kernel.yama.ptrace_scope=1 (3 can only be left by a restart of the machine)';
    found.push({ what: 'Yama forbids every ptrace, which the guard needs for a moment at each start', fix });
  }
  return found;
}

type Facts = Omit<MachineProbe, 'profiles'>;

function judge(facts: Facts, allowLandlockOnly: boolean): ProfileReadiness {
  const blocking = guardMissing(facts.kernel);
  if (blocking.length > 0) return { kind: 'unavailable', missing: facts.missing };
  if (facts.bubblewrap !== null) {
    return { kind: 'ready', engine: 'namespaces', ...namespacesHold(facts.bubblewrap, facts) };
  }
  if (!allowLandlockOnly) return { kind: 'unavailable', missing: facts.missing };
  if (facts.kernel.landlockAbi < LEAST_LANDLOCK_ALONE) {
    const fix = 'a kernel of 6.2 or newer, or user namespaces';
    const what = `Landlock ABI ${facts.kernel.landlockAbi} is too little to hold alone`;
    return { kind: 'unavailable', missing: [...facts.missing, { what, fix }] };
  }
  return { kind: 'ready', engine: 'landlock', ...landlockHolds(facts) };
}

interface Holding {
  readonly enforced: readonly string[];
  readonly notEnforced: readonly string[];
}

function namespacesHold(bubblewrap: BubblewrapFacts, facts: Facts): Holding {
  const nested = forbidsUserNamespaces(bubblewrap.version);
  const limits = limitsHold(facts, false);
  return {
    enforced: [
      'files: only the system, the workspace and what the operator adds is there; Landlock repeats it',
      'processes: a process namespace of its own, no capabilities, no new privileges',
      'network: none but the proxy; no host network is there',
      ...(nested ? ['no user namespaces inside'] : []),
      ...limits.enforced,
    ],
    notEnforced: [
      ...(nested
        ? []
        : ['nested user namespaces are shut by seccomp alone (bubblewrap 0.8 or newer shuts them itself)']),
      ...limits.notEnforced,
    ],
  };
}

function landlockHolds(facts: Facts): Holding {
  const limits = limitsHold(facts, true);
  return {
    enforced: [
      'files: only listed directories can be opened (Landlock)',
      'network: none (seccomp)',
      ...limits.enforced,
    ],
    notEnforced: [
      'no process namespace: processes of this user can be seen, and those that escape a kill are followed by /proc',
      'hidden files are kept shut by leaving them out: names and sizes can be seen, listed directories cannot be listed',
      'git hooks, git configuration and agents’ folders in the workspace can be written',
      'no proxy: network rules have no effect, the network stays shut',
      'HOME and /tmp are other directories than outside, and /dev/shm cannot be used',
      ...limits.notEnforced,
    ],
  };
}

function limitsHold({ groups, groupLimits }: Facts, alone: boolean): Holding {
  const always = 'open files, size of a file, no core dumps';
  const space = 'disk space in all (only the size of each file is bounded)';
  if (groupLimits) {
    const version = groups.kind === 'cgroup2' ? 2 : 1;
    return { enforced: [`memory and processes together (cgroup v${version})`, always], notEnforced: [space] };
  }
  const root = process.getuid?.() === 0;
  const processes = root
    ? 'number of processes: the kernel bounds none of root’s without a control group'
    : `number of processes${alone ? ': counted with all others of this user' : ''}`;
  return {
    enforced: ['memory of each process (address space)', ...(root ? [] : [processes]), always],
    notEnforced: [
      'memory of all processes together: no control group may be made here',
      ...(root ? [processes] : []),
      space,
    ],
  };
}
