/** Fixture tools that answer at once: content of every kind, log, progress, errors, schemas. */
import type { JsonSchema } from '@agentbox/control-plane';
import { done, type FixtureTool, objectOf, say, sleep, text, textArgument, tool } from './fixture-tool.ts';
import { PNG, WAV } from './media.ts';

const STEP_MS = 50;

const resource = (uri: string, mimeType: string, words: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: words } }) as const;

/** From text: an object with a member `then` looks like a promise to those who read the code. */
const CONDITION: JsonSchema = JSON.parse('{"then":{"required":["phone"]},"else":{"required":["email"]}}');

const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  ...CONDITION,
  additionalProperties: false,
};

export function plainTools(changed: { tools(): void; prompts(): void }): readonly FixtureTool[] {
  return [
    tool('test_simple_text', 'Answers with text.', () => say('This is a simple text response for testing.')),
    tool('test_image_content', 'Answers with an image.', () =>
      done({ type: 'image', data: PNG, mimeType: 'image/png' }),
    ),
    tool('test_audio_content', 'Answers with sound.', () => done({ type: 'audio', data: WAV, mimeType: 'audio/wav' })),
    tool('test_embedded_resource', 'Answers with a resource.', () =>
      done(resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')),
    ),
    tool('test_multiple_content_types', 'Answers with text, an image and a resource.', () =>
      done(
        text('Multiple content types test:'),
        { type: 'image', data: PNG, mimeType: 'image/png' },
        resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
      ),
    ),
    tool('test_tool_with_logging', 'Logs three times on its way.', async (_call, { log, signal }) => {
      for (const message of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        log?.({ level: 'info', message });
        await sleep(STEP_MS, signal);
      }
      return say('Tool with logging executed successfully');
    }),
    tool('test_logging_tool', 'Logs once.', (_call, { log }) => {
      log?.({ level: 'info', message: 'A word on the way' });
      return say('Logged.');
    }),
    tool('test_tool_with_progress', 'Reports progress three times.', async (_call, context) => {
      for (const progress of [0, 50, 100]) {
        context.progress({ progress, total: 100, message: `Completed step ${String(progress)} of 100` });
        await sleep(STEP_MS, context.signal);
      }
      return say('Done in three steps.');
    }),
    tool('test_error_handling', 'Always fails.', () => ({
      kind: 'failed',
      code: 'SPAWN_FAILED',
      message: 'This tool intentionally returns an error for testing',
      detail: {},
    })),
    tool('test_reconnection', 'Lets go of the connection and answers later.', async (_call, context) => {
      context.releaseConnection?.();
      await sleep(2 * STEP_MS, context.signal);
      return say('Reconnection test completed successfully.');
    }),
    tool('json_schema_2020_12_tool', 'Has a schema of 2020-12.', () => say('Called.'), { input: SCHEMA_2020_12 }),
    tool(
      'test_x_mcp_header',
      'Repeats an argument as a header.',
      (call) => say(`Region ${textArgument(call, 'region')}`),
      {
        input: objectOf(
          { region: { type: 'string', 'x-mcp-header': 'Region' }, level: { type: 'integer', 'x-mcp-header': 'Level' } },
          ['region'],
        ),
      },
    ),
    tool('test_trigger_tool_change', 'Changes the list of tools.', () => {
      changed.tools();
      return say('The tools changed.');
    }),
    tool('test_trigger_prompt_change', 'Changes the list of prompts.', () => {
      changed.prompts();
      return say('The prompts changed.');
    }),
  ];
}
