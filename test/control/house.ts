/** A provider of tools that do what their name says, and a house of catalog, record and pipeline around it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileRedactor, Emitter, type NamedSecret } from '@agentbox/base';
import {
  type AuditLog,
  type CallContext,
  type CallLimits,
  type CallPipelineOptions,
  type CallRequest,
  createCallPipeline,
  createCatalog,
  type ObservedCallPipeline,
  type Principal,
  type ToolCall,
  type ToolDefinition,
  type ToolOutcome,
  type ToolProvider,
} from '@agentbox/control-plane';
import {
  AgentboxError,
  type AuditRecord,
  newPrincipalId,
  newTraceId,
  type ProviderId,
  parseProviderId,
  type Scope,
} from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';

export type Behaviour = (call: ToolCall, context: CallContext) => Promise<ToolOutcome> | ToolOutcome;

function providerId(text: string): ProviderId {
  const id = parseProviderId(text);
  if (id === undefined) throw new Error(`no provider id: ${text}`);
  return id;
}

export function tool(name: string, rest: Partial<ToolDefinition> = {}): ToolDefinition {
  return {
    name,
    title: name,
    description: `Use this when ${name} is tested.`,
    inputSchema: { type: 'object' },
    outputSchema: null,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    scopes: ['exec'],
    meta: null,
    ...rest,
  };
}

export interface TestProvider extends ToolProvider {
  readonly changed: Emitter<ProviderId>;
  /** the calls that reached it */
  readonly calls: ToolCall[];
  tools: readonly ToolDefinition[];
}

export function provider(
  id: string,
  tools: readonly ToolDefinition[],
  behave: Behaviour = () => text('ok'),
  secretArguments?: ToolProvider['secretArguments'],
): TestProvider {
  const calls: ToolCall[] = [];
  return {
    id: providerId(id),
    tools,
    calls,
    changed: new Emitter<ProviderId>(),
    list() {
      return this.tools;
    },
    async call(call, context) {
      calls.push(call);
      return behave(call, context);
    },
    ...(secretArguments === undefined ? {} : { secretArguments }),
  };
}

export function text(said: string, structured: Readonly<Record<string, unknown>> | null = null): ToolOutcome {
  return { kind: 'done', result: { content: [{ type: 'text', text: said }], structured } };
}

export function caller(...scopes: readonly Scope[]): Principal {
  return { id: newPrincipalId(), name: 'tester', scopes: new Set(scopes) };
}

export function request(toolName: string, args: unknown, principal: Principal = caller('exec')): CallRequest {
  return {
    tool: toolName,
    arguments: args,
    answers: null,
    principal,
    client: {
      name: 'test-client',
      version: '1.0',
      elicitation: { form: false, url: false },
      sampling: false,
      roots: false,
      tasks: false,
    },
    sandboxState: null,
    signal: new AbortController().signal,
    trace: newTraceId(),
    progress: () => undefined,
  };
}

export interface House extends AsyncDisposable {
  readonly pipeline: ObservedCallPipeline;
  /** what was reported to the operator */
  readonly faults: string[];
  /** while true, the record takes nothing */
  broken: boolean;
  records(): Promise<readonly AuditRecord[]>;
}

export interface HouseOptions {
  readonly provider: ToolProvider;
  readonly secrets?: readonly NamedSecret[];
  readonly limits?: Partial<CallLimits>;
  readonly clock?: () => number;
  readonly keepWhole?: CallPipelineOptions['keepWhole'];
}

/** The record is a real one, on a disk that can be "unplugged". */
export async function openHouse(options: HouseOptions): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'agentbox-control-'));
  const stores = await openStores({ kind: 'sqlite', path: join(folder, 'home', 'agentbox.db'), clock: Date.now });
  const faults: string[] = [];
  const reportFault = (what: string): void => void faults.push(what);
  const state = { broken: false };
  const audit: AuditLog = {
    append: (entry) =>
      state.broken ? Promise.reject(new AgentboxError('DISK_FULL', 'unplugged')) : stores.audit.append(entry),
    read: (from, limit) => stores.audit.read(from, limit),
    last: (count) => stores.audit.last(count),
  };
  const redactor = compileRedactor(options.secrets ?? []);
  const catalog = createCatalog({ providers: [options.provider], prefix: 'agentbox_', reportFault });
  const pipeline = createCallPipeline({
    catalog,
    audit,
    redactor: () => redactor,
    clock: options.clock ?? Date.now,
    reportFault,
    limits: options.limits ?? {},
    ...(options.keepWhole === undefined ? {} : { keepWhole: options.keepWhole }),
  });
  return {
    pipeline,
    faults,
    get broken() {
      return state.broken;
    },
    set broken(broken: boolean) {
      state.broken = broken;
    },
    records: () => stores.audit.read(1, 1000),
    [Symbol.asyncDispose]: async () => {
      await stores[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
