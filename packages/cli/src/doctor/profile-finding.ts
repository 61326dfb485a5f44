/** What the configured profile comes to on this machine, in sentences: what is enforced, what is not, and the fix. */
import { hostname, userInfo } from 'node:os';
import type { ProfileReadiness } from '@agentbox/sandbox';
import type { Config } from '@agentbox/server';
import { bytes } from '../terminal/format.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const HOLDS = {
  workspace: 'commands run in a sandbox that may write',
  'read-only': 'commands run in a sandbox that may only read',
} as const;

export function profileFinding({ box, sandbox, policy }: Config, readiness: ProfileReadiness | null): Finding {
  if (box.profile === 'host' || readiness === null) {
    const { username } = userInfo();
    const text = `host: commands run as ${username} on ${hostname()}, with every file and the network of ${username}; no rule is asked`;
    return warn('Profile', text, 'leave out --profile host (box.profile) for a sandbox');
  }
  if (readiness.kind === 'unavailable') {
    const fix = `see above, or run without a sandbox and without rules: --profile host`;
    return fail('Profile', `${box.profile} cannot be held here: agentbox up refuses to start`, fix);
  }
  const { engine, enforced, notEnforced } = readiness;
  const text = `${box.profile}: ${HOLDS[box.profile]} ${box.workspace}`;
  const details = { enforced, 'not enforced': notEnforced, settings: chosen(sandbox, policy) };
  if (engine === 'namespaces') return { ...ok('Profile', text), details };
  return {
    ...warn('Profile', `${text}, by Landlock alone`, 'make Namespaces work, and unset sandbox.allow_landlock_only'),
    details,
  };
}

const UNMATCHED = { run: 'runs', ask: 'waits for a person', deny: 'is refused' } as const;

/** What the operator chose, in the words of a person. */
function chosen(
  { network, limits, no_exec_from_writable: noExec }: Config['sandbox'],
  { unmatched }: Config['policy'],
): readonly string[] {
  const { memory_bytes: memory, processes, open_files: files, file_bytes: file, cpu_seconds: cpu } = limits;
  const time = cpu === null ? '' : `, ${cpu} s of CPU time`;
  return [
    `a program that no rule speaks of ${UNMATCHED[unmatched]}${noExec ? '; one that a command could have written is refused' : ''}`,
    network === 'none' ? 'no network' : 'network: what network_rule() allows',
    `${bytes(memory)} of memory, ${processes} processes, ${files} open files, ${bytes(file)} for a file${time}`,
  ];
}
