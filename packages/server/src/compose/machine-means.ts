/** With what this machine holds sandboxes. One that cannot hold what the profile says starts nothing. */
import { AgentboxError, type MachineMeans } from '@agentbox/protocol';
import { probeMachine } from '@agentbox/sandbox';
import type { Config } from '../config/schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Null for the profile `host`, which needs nothing and holds nothing. */
export async function findMeans({ box, sandbox }: Config, env: Environment): Promise<MachineMeans | null> {
  if (box.profile === 'host') return null;
  const { allow_landlock_only: allowLandlockOnly } = sandbox;
  const probe = await probeMachine({ searchPath: env['PATH'] ?? USUAL_PATH, allowLandlockOnly });
  const readiness = probe.profiles[box.profile];
  if (readiness.kind === 'unavailable') {
    const { missing } = readiness;
    const lines = missing.map(({ what, fix }) => `${what}\n  ${fix}`);
    const message = [
      `the profile \`${box.profile}\` cannot be held on this machine:`,
      ...lines,
      'or run without a sandbox and without rules: --profile host',
    ].join('\n');
    throw new AgentboxError('MISSING_FEATURE', message, {
      profile: box.profile,
      missing: missing.map(({ what }) => what),
    });
  }
  const { groupLimits, bubblewrap } = probe;
  if (readiness.engine === 'landlock' || bubblewrap === null) return { engine: { kind: 'landlock' }, groupLimits };
  return { engine: { kind: 'namespaces', bubblewrap }, groupLimits };
}
