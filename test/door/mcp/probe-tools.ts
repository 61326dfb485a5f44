/** Tools that show what reached them: the reason of an abort, the answers, the caller. */
import assert from 'node:assert/strict';
import { Emitter } from '@agentbox/base';
import type { ToolProvider } from '@agentbox/control-plane';
import { type ProviderId, parseProviderId } from '@agentbox/protocol';
import {
  ask,
  type FixtureTool,
  filledIn,
  form,
  objectOf,
  say,
  sleep,
  textArgument,
  tool,
} from '../../conformance/fixture-tool.ts';

export interface ProbePack {
  readonly provider: ToolProvider;
  /** reasons with which held calls were aborted, in order */
  readonly aborts: readonly unknown[];
  /** how often each tool was called */
  readonly calls: ReadonlyMap<string, number>;
  readonly held: number;
  change(): void;
}

const TEXT = objectOf({ text: { type: 'string' } });

export function createProbePack(): ProbePack {
  const changed = new Emitter<ProviderId>();
  const aborts: unknown[] = [];
  const calls = new Map<string, number>();
  let held = 0;
  const id = parseProviderId('probe');
  assert.ok(id !== undefined);

  const hold = tool('hold', 'Waits until it is aborted.', async (_call, context) => {
    const { signal } = context;
    held += 1;
    context.progress({ progress: 1, total: null, message: 'holding' });
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    held -= 1;
    aborts.push(signal.reason);
    return say('aborted');
  });
  const tools = [hold, ...answeringTools(), ...askingTools()];
  const byName = new Map(tools.map((entry) => [entry.definition.name, entry]));
  return {
    aborts,
    calls,
    get held() {
      return held;
    },
    change: () => changed.emit(id),
    provider: {
      id,
      changed,
      list: () => tools.map(({ definition }) => definition),
      async call(call, context) {
        calls.set(call.tool, (calls.get(call.tool) ?? 0) + 1);
        const found = byName.get(call.tool);
        assert.ok(found !== undefined);
        return found.run(call, context);
      },
    },
  };
}

function answeringTools(): readonly FixtureTool[] {
  return [
    tool('echo', 'Says what it was given.', (call) => say(textArgument(call, 'text')), { input: TEXT }),
    tool('later', 'Answers after a moment, with a word before.', async (call, context) => {
      context.progress({ progress: 1, total: 2, message: 'soon' });
      await sleep(300, context.signal);
      return say(`later ${textArgument(call, 'text')}`);
    }),
    tool('flood', 'Reports progress without pause.', (_call, context) => {
      for (let step = 1; step <= 5000; step += 1) {
        context.progress({ progress: step, total: 5000, message: `step ${String(step)}` });
        context.log?.({ level: 'debug', message: `step ${String(step)}` });
      }
      context.progress({ progress: 1, total: 5000, message: 'back to the start' });
      return say('flooded');
    }),
    tool('log', 'Logs at two levels.', (_call, { log }) => {
      log?.({ level: 'debug', message: 'small' });
      log?.({ level: 'error', message: 'grave' });
      return say('logged');
    }),
    tool('guarded', 'Is for those who may use skills.', () => say('in'), { scopes: ['exec', 'skills'] }),
    tool('refuse', 'Is never allowed.', () => ({
      kind: 'refused',
      by: { source: 'machine.rules', line: 7 },
      reason: 'No.',
      next: 'Use echo.',
    })),
    tool('break', 'Throws what nobody may see.', () => {
      throw new TypeError('the password is hunter2');
    }),
    tool('fail', 'Fails with a cause.', () => ({
      kind: 'failed',
      code: 'FILE_NOT_FOUND',
      message: 'there is no /nowhere',
      detail: { path: '/nowhere' },
    })),
  ];
}

const CONFIRM = { ok: { type: 'boolean' } };

function askingTools(): readonly FixtureTool[] {
  const confirm = (words: string) => ask({ go: form(words, CONFIRM, ['ok']) }, 'secret-state');
  return [
    tool(
      'confirm',
      'Asks once.',
      (call) =>
        filledIn(call, 'go') === undefined ? confirm('Go on?') : say(`went on with ${String(call.answers?.state)}`),
      { input: TEXT },
    ),
    tool('insist', 'Asks again whatever it hears.', () => confirm('Really?')),
    tool(
      'job',
      'Works until it is cancelled.',
      async (_call, { signal }) => {
        await sleep(60_000, signal);
        return say('worked');
      },
      { background: { use: 'optional', asksFirst: false } },
    ),
    tool(
      'asking_job',
      'Asks while it works.',
      (call) => (filledIn(call, 'go') === undefined ? confirm('Go on?') : say('went on')),
      {
        background: { use: 'optional', asksFirst: false },
      },
    ),
  ];
}
