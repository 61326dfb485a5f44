/** What the tools of the fixture pack are made of. */
import type {
  BackgroundWork,
  CallContext,
  ContentBlock,
  JsonSchema,
  ToolCall,
  ToolDefinition,
  ToolOutcome,
} from '@agentbox/control-plane';
import type { Scope } from '@agentbox/protocol';

export type Run = (call: ToolCall, context: CallContext) => Promise<ToolOutcome> | ToolOutcome;

export interface FixtureTool {
  readonly definition: ToolDefinition;
  readonly run: Run;
}

interface Options {
  readonly input?: JsonSchema;
  readonly background?: BackgroundWork;
  readonly takesUnaskedAnswers?: boolean;
  readonly scopes?: readonly Scope[];
}

export function tool(name: string, description: string, run: Run, options: Options = {}): FixtureTool {
  const { input = { type: 'object', properties: {} }, background, takesUnaskedAnswers, scopes = [] } = options;
  const definition: ToolDefinition = {
    name,
    title: name.replaceAll('_', ' '),
    description,
    inputSchema: input,
    outputSchema: null,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    scopes,
    meta: null,
    ...(background === undefined ? {} : { background }),
    ...(takesUnaskedAnswers === undefined ? {} : { takesUnaskedAnswers }),
  };
  return { definition, run };
}

export function objectOf(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  return { type: 'object', properties, required };
}

export function done(...content: readonly ContentBlock[]): ToolOutcome {
  return { kind: 'done', result: { content, structured: null } };
}

export const text = (words: string): ContentBlock => ({ type: 'text', text: words });
export const say = (words: string): ToolOutcome => done(text(words));

export function ask(requests: Readonly<Record<string, Readonly<Record<string, unknown>>>>, state: string): ToolOutcome {
  return { kind: 'needs-input', requests, state };
}

export function form(
  message: string,
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
) {
  return {
    method: 'elicitation/create',
    params: { message, requestedSchema: { type: 'object', properties, required } },
  };
}

export function sampling(prompt: string) {
  const messages = [{ role: 'user', content: { type: 'text', text: prompt } }];
  return { method: 'sampling/createMessage', params: { messages, maxTokens: 100 } };
}

export const ROOTS = { method: 'roots/list', params: {} };

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The answer to one question, when there is one. */
export function answerTo(call: ToolCall, key: string): Readonly<Record<string, unknown>> | undefined {
  const answer = call.answers?.responses[key];
  return isRecord(answer) ? answer : undefined;
}

/** What a person filled in, when it was accepted. */
export function filledInOf(answers: ToolCall['answers'], key: string): Readonly<Record<string, unknown>> | undefined {
  const answer = answers?.responses[key];
  const isAccepted = isRecord(answer) && answer['action'] === 'accept';
  return isAccepted && isRecord(answer['content']) ? answer['content'] : undefined;
}

export const filledIn = (call: ToolCall, key: string) => filledInOf(call.answers, key);

export function textArgument(call: ToolCall, name: string): string {
  const value = call.arguments[name];
  return typeof value === 'string' ? value : '';
}

/** Resolves early when the call is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
