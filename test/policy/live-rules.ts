/** Rules in force over real directories, in a folder of their own that goes with the test. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadLibc } from '../../packages/boxd/src/native/libc.ts';
import { type ExecPolicy, type ExecPolicyOptions, openExecPolicy } from '../../packages/boxd/src/policy/index.ts';
import { facts } from './exec-facts.ts';

export interface LiveRules extends AsyncDisposable {
  readonly folder: string;
  readonly user: string;
  readonly team: string;
  readonly told: readonly string[];
  readonly policy: ExecPolicy;
  /** as after a restart of the daemon */
  reopen(more?: Partial<ExecPolicyOptions>): Promise<ExecPolicy>;
}

export const put = (file: string, text: string): string => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};

/** `before` lays out what is there when the rules are opened first. */
export async function liveRules(
  before: (folder: string) => void = () => undefined,
  more: Partial<ExecPolicyOptions> = {},
): Promise<LiveRules> {
  const folder = mkdtempSync(path.join(tmpdir(), 'agentbox-rules-'));
  const [team, user] = [path.join(folder, 'team'), path.join(folder, 'home/.codex/rules')];
  before(folder);
  const told: string[] = [];
  const opened: ExecPolicy[] = [];
  const reopen = async (other: Partial<ExecPolicyOptions> = {}): Promise<ExecPolicy> => {
    opened.at(-1)?.close();
    const policy = await openExecPolicy({
      sources: [
        { directory: team, layer: 'team' },
        { directory: user, layer: 'user' },
      ],
      amendFile: path.join(user, 'default.rules'),
      unmatched: 'run',
      home: path.join(folder, 'home'),
      lastGoodFile: path.join(folder, 'rules-in-force.json'),
      flock: loadLibc().flock,
      onProblem: (text) => void told.push(text),
      ...more,
      ...other,
    });
    opened.push(policy);
    return policy;
  };
  const policy = await reopen();
  return {
    folder,
    team,
    user,
    told,
    policy,
    reopen,
    [Symbol.asyncDispose]: () => {
      for (const one of opened) one.close();
      rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  };
}

export const verdictOf = (policy: ExecPolicy, ...argv: readonly string[]): string =>
  policy.decide(facts(`/usr/bin/${argv[0]}`, argv), { noExecFromWritable: false }).kind;

/** The promise is one second; a loaded machine gets more before the test gives up. */
export async function becomes(policy: ExecPolicy, kind: string, ...argv: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  while (verdictOf(policy, ...argv) !== kind) {
    assert.ok(performance.now() - startedAt < 10_000, `${argv.join(' ')} did not become ${kind}`);
    await sleep(10);
  }
  return performance.now() - startedAt;
}
