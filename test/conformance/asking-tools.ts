/** Fixture tools that need an answer of the person, the model or the machine behind the client. */
import type { ToolCall } from '@agentbox/control-plane';
import {
  answerTo,
  ask,
  type FixtureTool,
  filledIn,
  form,
  isRecord,
  objectOf,
  ROOTS,
  sampling,
  say,
  textArgument,
  tool,
} from './fixture-tool.ts';

const NAME = { name: { type: 'string' } };
const OK = { ok: { type: 'boolean' } };
const askName = () => form('What is your name?', NAME, ['name']);

/** Defaults of every primitive type. */
const DEFAULTS = {
  name: { type: 'string', description: 'User name', default: 'John Doe' },
  age: { type: 'integer', description: 'User age', default: 30 },
  score: { type: 'number', description: 'User score', default: 95.5 },
  status: { type: 'string', description: 'User status', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', description: 'Verification status', default: true },
};

const OPTIONS = ['option1', 'option2', 'option3'];
const titled = (kind: string) =>
  ['First', 'Second', 'Third'].map((title, index) => ({
    const: `value${String(index + 1)}`,
    title: `${title} ${kind}`,
  }));

/** Every way to offer a choice. */
const ENUMS = {
  untitledSingle: { type: 'string', description: 'Select one option', enum: OPTIONS },
  titledSingle: { type: 'string', description: 'Select one option with titles', oneOf: titled('Option') },
  legacyEnum: {
    type: 'string',
    description: 'Select one option (legacy)',
    enum: ['opt1', 'opt2', 'opt3'],
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  },
  untitledMulti: {
    type: 'array',
    description: 'Select multiple options',
    minItems: 1,
    maxItems: 3,
    items: { type: 'string', enum: OPTIONS },
  },
  titledMulti: {
    type: 'array',
    description: 'Select multiple options with titles',
    minItems: 1,
    maxItems: 3,
    items: { anyOf: titled('Choice') },
  },
};

function report(call: ToolCall, key: string, words: string) {
  const answer = answerTo(call, key);
  return say(`${words}: action=${String(answer?.['action'])}, content=${JSON.stringify(answer?.['content'] ?? {})}`);
}

function sampledText(call: ToolCall, key: string): string | undefined {
  const content = answerTo(call, key)?.['content'];
  return isRecord(content) && typeof content['text'] === 'string' ? content['text'] : undefined;
}

/** Tools of the older way of asking, within one call. */
function pushedTools(): readonly FixtureTool[] {
  return [
    tool(
      'test_sampling',
      'Asks the model of the client.',
      (call) => {
        const words = sampledText(call, 'model');
        return words === undefined
          ? ask({ model: sampling(textArgument(call, 'prompt')) }, '')
          : say(`LLM response: ${words}`);
      },
      { input: objectOf({ prompt: { type: 'string' } }, ['prompt']) },
    ),
    tool(
      'test_elicitation',
      'Asks the user.',
      (call) =>
        call.answers === null
          ? ask({ user: form(textArgument(call, 'message'), { response: { type: 'string' } }, ['response']) }, '')
          : report(call, 'user', 'User response'),
      { input: objectOf({ message: { type: 'string' } }, ['message']) },
    ),
    tool('test_elicitation_sep1034_defaults', 'Asks with defaults.', (call) =>
      call.answers === null
        ? ask({ user: form('Please review the fields with defaults', DEFAULTS) }, '')
        : report(call, 'user', 'Elicitation completed'),
    ),
    tool('test_elicitation_sep1330_enums', 'Asks for choices.', (call) =>
      call.answers === null
        ? ask({ user: form('Please select options from the enum fields', ENUMS) }, '')
        : report(call, 'user', 'Elicitation completed'),
    ),
    tool('test_streaming_elicitation', 'Asks after a word on the way.', (call, context) => {
      context.progress({ progress: 1, total: 2, message: 'about to ask' });
      return call.answers === null ? ask({ user_name: askName() }, 'asked') : report(call, 'user_name', 'Answer');
    }),
    tool('test_missing_capability', 'Needs a client that samples.', (call) =>
      call.answers === null ? ask({ model: sampling('Say a word.') }, 'asked') : say('Sampled.'),
    ),
  ];
}

function singleTools(): readonly FixtureTool[] {
  return [
    tool(
      'test_input_required_result_elicitation',
      'Asks for a name.',
      (call) => {
        const name = filledIn(call, 'user_name')?.['name'];
        return typeof name === 'string' ? say(`Hello, ${name}!`) : ask({ user_name: askName() }, 'name');
      },
      { takesUnaskedAnswers: true },
    ),
    tool('test_input_required_result_sampling', 'Asks the model a question.', (call) => {
      const words = sampledText(call, 'capital_question');
      return words === undefined
        ? ask({ capital_question: sampling('What is the capital of France?') }, 'capital')
        : say(`The model says: ${words}`);
    }),
    tool('test_input_required_result_list_roots', 'Asks for the roots.', (call) => {
      const roots = answerTo(call, 'client_roots')?.['roots'];
      return Array.isArray(roots) ? say(`Roots: ${JSON.stringify(roots)}`) : ask({ client_roots: ROOTS }, 'roots');
    }),
    tool('test_input_required_result_request_state', 'Keeps a state while it asks.', (call) =>
      call.answers?.state === 'kept' && filledIn(call, 'confirm') !== undefined
        ? say('state-ok')
        : ask({ confirm: form('Please confirm', OK, ['ok']) }, 'kept'),
    ),
    tool('test_input_required_result_tampered_state', 'Keeps a state that nobody may change.', (call) =>
      call.answers === null
        ? ask({ confirm: form('Please confirm', OK, ['ok']) }, 'whole')
        : say('The state is whole.'),
    ),
  ];
}

function severalTools(): readonly FixtureTool[] {
  return [
    tool('test_input_required_result_multiple_inputs', 'Asks three ways at once.', (call) => {
      const keys = ['user_name', 'greeting', 'client_roots'];
      if (keys.every((key) => answerTo(call, key) !== undefined)) return say('All three answers are there.');
      const requests = { user_name: askName(), greeting: sampling('Generate a greeting'), client_roots: ROOTS };
      return ask(requests, 'three');
    }),
    tool('test_input_required_result_multi_round', 'Asks twice.', (call) => {
      const state = call.answers?.state;
      if (state === 'round-2' && filledIn(call, 'step2') !== undefined) return say('Both rounds are answered.');
      if (state === 'round-1' && filledIn(call, 'step1') !== undefined) {
        return ask(
          { step2: form('Step 2: What is your favorite color?', { color: { type: 'string' } }, ['color']) },
          'round-2',
        );
      }
      return ask({ step1: form('Step 1: What is your name?', NAME, ['name']) }, 'round-1');
    }),
    tool('test_input_required_result_capabilities', 'Asks only what the client can answer.', (call, { client }) => {
      if (call.answers !== null) return say('Answered.');
      const person = client.elicitation.form ? { person: askName() } : {};
      const model = client.sampling ? { model: sampling('Say a word.') } : {};
      return ask({ ...person, ...model }, 'able');
    }),
  ];
}

export const askingTools = (): readonly FixtureTool[] => [...pushedTools(), ...singleTools(), ...severalTools()];
