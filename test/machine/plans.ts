/** The pure parts below the tools, for tests: the tests are the only ones that reach below the room's door. */
import assert from 'node:assert/strict';
import type { ExecCommandInput } from '@agentbox/protocol';
import { type ExecPlan, settleExec } from '../../packages/providers/src/machine/exec-plan.ts';
import { clamp, type MachineSettings, settleSettings } from '../../packages/providers/src/machine/settings.ts';

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

export function execCommandPlan(given: Loose<ExecCommandInput>): ExecPlan {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const plan = settleExec({ cmd: 'true', ...known }, '/home/somebody', settleSettings({}));
  assert.ok(plan.kind === 'run');
  return plan;
}

export function limits(): { readonly settled: MachineSettings; readonly clamp: typeof clamp } {
  return { settled: settleSettings({}), clamp };
}
