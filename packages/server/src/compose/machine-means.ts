/** With what this machine holds sandboxes. One that cannot hold what the profile says starts nothing. */
import { locateWarden } from '@agentbox/exec-guard';
import { AgentboxError, type MachineMeans, type ProfileName } from '@agentbox/protocol';
import { type Missing, probeMachine } from '@agentbox/sandbox';
import type { Config } from '../config/schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A machine that is only slow, as at its own start, is not one that lacks something. */
const TRIAL_MS = 10_000;
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Null for the profile `host`, which needs nothing and holds nothing. */
export async function findMeans({ box, sandbox }: Config, env: Environment): Promise<MachineMeans | null> {
  if (box.profile === 'host') return null;
  const { allow_landlock_only: allowLandlockOnly } = sandbox;
  const searchPath = env['PATH'] ?? USUAL_PATH;
  const probe = await probeMachine({ searchPath, allowLandlockOnly, limitMs: TRIAL_MS });
  const readiness = probe.profiles[box.profile];
  const missing = [...(readiness.kind === 'unavailable' ? readiness.missing : []), ...wardenMissing()];
  if (missing.length > 0 || readiness.kind === 'unavailable') throw refusal(box.profile, missing);
  const { groupLimits, bubblewrap } = probe;
  if (readiness.engine === 'landlock' || bubblewrap === null) return { engine: { kind: 'landlock' }, groupLimits };
  return { engine: { kind: 'namespaces', bubblewrap }, groupLimits };
}

function wardenMissing(): readonly Missing[] {
  const warden = locateWarden();
  if (!('missing' in warden)) return [];
  return [
    {
      what: `the warden, which guards every program, cannot be used: ${warden.missing}`,
      fix: 'install agentbox again',
    },
  ];
}

function refusal(profile: ProfileName, missing: readonly Missing[]): AgentboxError {
  const message = [
    `the profile \`${profile}\` cannot be held on this machine:`,
    ...missing.map(({ what, fix }) => `${what}\n  ${fix}`),
    'or run without a sandbox and without rules: --profile host',
  ].join('\n');
  return new AgentboxError('MISSING_FEATURE', message, { profile, missing: missing.map(({ what }) => what) });
}
