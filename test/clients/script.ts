/** What every model-driven client does: run, patch, start something that takes a while, poll it to its end. */
import assert from 'node:assert/strict';
import type { Step } from '../../bench/scripted-model.ts';

const PATCH = ['*** Begin Patch', '*** Add File: greeting.txt', '+hello from a patch', '*** End Patch', ''].join('\n');

export const STEPS: readonly Step[] = [
  { tool: 'agentbox_exec_command', args: () => ({ cmd: 'echo first; echo second >&2' }) },
  { tool: 'agentbox_apply_patch', args: () => ({ patch: PATCH }) },
  {
    tool: 'agentbox_exec_command',
    args: () => ({ cmd: 'cat greeting.txt; sleep 2; echo late', yield_time_ms: 250 }),
  },
  {
    tool: 'agentbox_write_stdin',
    args: (results) => ({ session_id: /s_[a-z0-9]{12}/.exec(results[2] ?? '')?.[0] ?? 'none', chars: '' }),
  },
];

export function assertScriptRan(results: readonly string[]): void {
  assert.equal(results.length, STEPS.length, JSON.stringify(results));
  assert.match(results[0] ?? '', /first[\s\S]*second/);
  assert.match(results[1] ?? '', /greeting\.txt/);
  assert.match(results[2] ?? '', /hello from a patch/);
  assert.doesNotMatch(results[2] ?? '', /late/);
  assert.match(results[3] ?? '', /late/);
}
