/** Everything that the conformance suite expects of a server, as providers of the product's own ports. */

import assert from 'node:assert/strict';
import { Emitter } from '@agentbox/base';
import type {
  PromptDefinition,
  PromptMessage,
  PromptProvider,
  PromptRequest,
  ResourceDefinition,
  ResourceProvider,
  ToolProvider,
} from '@agentbox/control-plane';
import { type ProviderId, parseProviderId } from '@agentbox/protocol';
import { askingTools } from './asking-tools.ts';
import { backgroundTools } from './background-tools.ts';
import { filledInOf, form } from './fixture-tool.ts';
import { PNG } from './media.ts';
import { plainTools } from './plain-tools.ts';

export interface FixturePack {
  readonly tools: ToolProvider;
  readonly prompts: PromptProvider;
  readonly resources: ResourceProvider;
  /** says that a resource changed */
  touch(uri: string): void;
}

export function createFixturePack(): FixturePack {
  const promptsChanged = new Emitter<void>();
  const resourcesChanged = new Emitter<string>();
  const toolsChanged = new Emitter<ProviderId>();
  const id = parseProviderId('fixture');
  assert.ok(id !== undefined);
  const changed = { tools: () => toolsChanged.emit(id), prompts: () => promptsChanged.emit() };
  const tools = [...plainTools(changed), ...askingTools(), ...backgroundTools()];
  const byName = new Map(tools.map((entry) => [entry.definition.name, entry]));
  return {
    tools: {
      id,
      changed: toolsChanged,
      list: () => tools.map(({ definition }) => definition),
      async call(call, context) {
        const found = byName.get(call.tool);
        assert.ok(found !== undefined, call.tool);
        return found.run(call, context);
      },
    },
    prompts: promptProvider(promptsChanged),
    resources: resourceProvider(resourcesChanged),
    touch: (uri) => resourcesChanged.emit(uri),
  };
}

const user = (words: string): PromptMessage => ({ role: 'user', content: { type: 'text', text: words } });

function prompt(name: string, description: string, ...names: readonly string[]): PromptDefinition {
  const args = names.map((argument) => ({ name: argument, description: `The ${argument}.`, required: true }));
  return { name, title: name.replaceAll('_', ' '), description, arguments: args };
}

const PROMPTS = [
  prompt('test_simple_prompt', 'Takes nothing.'),
  prompt('test_prompt_with_arguments', 'Takes two arguments.', 'arg1', 'arg2'),
  prompt('test_prompt_with_embedded_resource', 'Embeds a resource.', 'resourceUri'),
  prompt('test_prompt_with_image', 'Shows an image.'),
  prompt('test_input_required_result_prompt', 'Asks for its context.'),
];

const COMPLETIONS = ['testify', 'testValue1', 'testValue2', 'market', 'harbour'];

function messagesOf(request: PromptRequest): readonly PromptMessage[] | null {
  const { arg1 = '', arg2 = '', resourceUri = '' } = request.arguments;
  switch (request.name) {
    case 'test_simple_prompt':
      return [user('This is a simple prompt for testing.')];
    case 'test_prompt_with_arguments':
      return [user(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)];
    case 'test_prompt_with_embedded_resource': {
      const resource = { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' };
      return [{ role: 'user', content: { type: 'resource', resource } }, user('Please process the resource above.')];
    }
    case 'test_prompt_with_image':
      return [
        { role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } },
        user('Please analyze the image above.'),
      ];
    default:
      return null;
  }
}

function promptProvider(changed: Emitter<void>): PromptProvider {
  return {
    changed,
    list: () => PROMPTS,
    async get(request) {
      if (request.name === 'test_input_required_result_prompt') {
        const context = filledInOf(request.answers, 'user_context')?.['context'];
        if (typeof context === 'string') {
          return { kind: 'done', description: 'With context.', messages: [user(`Use this context: ${context}`)] };
        }
        const question = form('What context should the prompt use?', { context: { type: 'string' } }, ['context']);
        return { kind: 'needs-input', requests: { user_context: question }, state: 'context' };
      }
      const messages = messagesOf(request);
      return messages === null ? null : { kind: 'done', description: request.name, messages };
    },
    complete: async (_prompt, _argument, typed) => COMPLETIONS.filter((word) => word.startsWith(typed)),
  };
}

function resource(uri: string, name: string, mimeType: string): ResourceDefinition {
  return { uri, name, title: name, description: `The ${name}.`, mimeType, size: null };
}

const RESOURCES = [
  resource('test://static-text', 'static text', 'text/plain'),
  resource('test://static-binary', 'static binary', 'image/png'),
  resource('test://watched-resource', 'watched resource', 'text/plain'),
];

const TEMPLATED = /^test:\/\/template\/([^/]+)\/data$/;

function resourceProvider(changed: Emitter<string>): ResourceProvider {
  return {
    scheme: 'test',
    changed,
    list: async () => RESOURCES,
    async read(uri) {
      const id = TEMPLATED.exec(uri)?.[1];
      if (id !== undefined) {
        const body = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
        return [{ uri, mimeType: 'application/json', text: body }];
      }
      const known = RESOURCES.find((entry) => entry.uri === uri);
      if (known === undefined) return null;
      const { mimeType } = known;
      if (mimeType === 'image/png') return [{ uri, mimeType, blob: PNG }];
      return [{ uri, mimeType, text: `This is the content of the ${known.name} resource.` }];
    },
    templates: () => [
      {
        uriTemplate: 'test://template/{id}/data',
        name: 'template',
        title: 'Template',
        description: 'Data by id.',
        mimeType: 'application/json',
      },
    ],
  };
}
