/**
 * What holds commands here: the kernel's primitives as a launch would use them, the warden, and what the configured
 * profile comes to. Under `host` nothing of it is needed, so nothing of it fails.
 */
import { type MachineProbe, type Missing, probeMachine } from '@agentbox/sandbox';
import type { Config } from '@agentbox/server';
import type { Io } from '../io.ts';
import { type Bad, type Finding, fail, ok, warn } from './finding.ts';
import { profileFinding } from './profile-finding.ts';
import { checkWarden } from './warden-check.ts';

/** as long as the start gives it */
const TRIAL_MS = 10_000;

export async function checkSandbox(config: Config, io: Io): Promise<readonly Finding[]> {
  const { allow_landlock_only: allowLandlockOnly } = config.sandbox;
  const probe = await probeMachine({ searchPath: io.env['PATH'] ?? '', allowLandlockOnly, limitMs: TRIAL_MS });
  const { profile } = config.box;
  const readiness = profile === 'host' ? null : probe.profiles[profile];
  const bad = readiness === null ? warn : fail;
  return [
    checkBubblewrap(probe, readiness?.kind === 'ready' ? warn : bad),
    checkLandlock(probe, bad),
    checkSeccomp(probe, bad),
    checkGroups(probe),
    await checkWarden(bad),
    profileFinding(config, readiness),
  ];
}

/** The probe says what is missing in sentences; each is told once, where it belongs. */
const lackOf = ({ missing }: MachineProbe, about: RegExp): Missing | undefined =>
  missing.find(({ what }) => about.test(what));

function checkBubblewrap(probe: MachineProbe, bad: Bad): Finding {
  const { bubblewrap } = probe;
  const lack = lackOf(probe, /bubblewrap|bwrap/);
  if (bubblewrap !== null)
    return ok(
      'Namespaces',
      `bubblewrap ${bubblewrap.version.join('.')} (${bubblewrap.program}) makes them for this user`,
    );
  return bad('Namespaces', lack?.what ?? 'bubblewrap does not work', lack?.fix ?? 'apt-get install bubblewrap');
}

function checkLandlock(probe: MachineProbe, bad: Bad): Finding {
  const lack = lackOf(probe, /Landlock/);
  return lack === undefined ? ok('Landlock', `ABI ${probe.kernel.landlockAbi}`) : bad('Landlock', lack.what, lack.fix);
}

function checkSeccomp(probe: MachineProbe, bad: Bad): Finding {
  const lack = lackOf(probe, /seccomp|Yama/);
  return lack === undefined
    ? ok('Seccomp', 'user notification, and a program that is held can be killed')
    : bad('Seccomp', lack.what, lack.fix);
}

const DELEGATE = 'run agentbox as a systemd user service: agentbox install';

function checkGroups({ groups, groupLimits }: MachineProbe): Finding {
  const version = groups.kind === 'cgroup2' ? 'v2' : 'v1';
  if (groupLimits) return ok('Control groups', `${version} bounds memory and processes of a command together`);
  const why =
    groups.kind === 'none'
      ? groups.why
      : `${version} bounds ${groups.kind === 'cgroup1' && groups.memory === null ? 'processes' : 'memory'} only`;
  return warn('Control groups', `${why}: limits count for each process alone`, DELEGATE);
}
