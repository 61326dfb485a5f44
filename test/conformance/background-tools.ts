/** Fixture tools whose work a client may follow as a task. */
import { AgentboxError } from '@agentbox/protocol';
import { ask, type FixtureTool, filledIn, form, objectOf, say, sleep, textArgument, tool } from './fixture-tool.ts';

const OPTIONAL = { use: 'optional', asksFirst: false } as const;
const REQUIRED = { use: 'required', asksFirst: false } as const;
const CONFIRM = { confirm: { type: 'boolean' } };
const NAME = { name: { type: 'string' } };

export function backgroundTools(): readonly FixtureTool[] {
  return [
    tool('greet', 'Greets at once.', (call) => say(`Hello, ${textArgument(call, 'name')}!`), {
      input: objectOf({ name: { type: 'string' } }, ['name']),
    }),
    tool(
      'slow_compute',
      'Takes its time.',
      async (call, { signal }) => {
        const seconds = Number(call.arguments['seconds'] ?? 0);
        await sleep(seconds * 1000, signal);
        if (signal.aborted) throw new AgentboxError('CANCELLED', 'the computation was cancelled');
        return say(`Computed for ${String(seconds)} s.`);
      },
      {
        background: OPTIONAL,
        input: objectOf({ seconds: { type: 'number' }, label: { type: 'string' } }, ['seconds']),
      },
    ),
    tool(
      'failing_job',
      'Fails after a second.',
      async (_call, { signal }) => {
        await sleep(1000, signal);
        return { kind: 'failed', code: 'SPAWN_FAILED', message: 'the job failed', detail: {} };
      },
      { background: REQUIRED },
    ),
    tool(
      'protocol_error_job',
      'Breaks.',
      () => ({ kind: 'failed', code: 'INTERNAL', message: 'the machinery of the job broke', detail: {} }),
      { background: OPTIONAL },
    ),
    tool(
      'confirm_delete',
      'Deletes when it is confirmed.',
      (call) => {
        const content = filledIn(call, 'confirm');
        if (content === undefined) return ask({ confirm: form('Delete the file?', CONFIRM, ['confirm']) }, 'delete');
        return say(content['confirm'] === true ? `Deleted ${textArgument(call, 'filename')}.` : 'Kept.');
      },
      { background: OPTIONAL, input: objectOf({ filename: { type: 'string' } }, ['filename']) },
    ),
    tool(
      'multi_input',
      'Asks two things at once.',
      (call) =>
        filledIn(call, 'first') === undefined || filledIn(call, 'second') === undefined
          ? ask({ first: form('First name?', NAME), second: form('Second name?', NAME) }, 'two')
          : say('Both answers are there.'),
      { background: OPTIONAL },
    ),
    tool(
      'test_tool_with_task',
      'Asks for a name, then works in the background.',
      async (call, { signal }) => {
        const name = filledIn(call, 'user_name')?.['name'];
        if (typeof name !== 'string') return ask({ user_name: form('What is your name?', NAME, ['name']) }, 'name');
        await sleep(200, signal);
        return say(`Worked for ${name}.`);
      },
      { background: { use: 'required', asksFirst: true } },
    ),
  ];
}
