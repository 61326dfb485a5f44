/**
 * The product's own HTTP stack, bearer check, pipeline, record and door around a pack of providers: what a deployment
 * runs, except for the tools.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthenticator } from '@agentbox/auth';
import { compileRedactor } from '@agentbox/base';
import {
  type AuditLog,
  createCallPipeline,
  createCatalog,
  createPrincipals,
  type Principals,
  type PromptProvider,
  type ResourceProvider,
  type SkillLibrary,
  type ToolProvider,
} from '@agentbox/control-plane';
import { OPERATOR } from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';
// Straight from their folders: the server's index loads everything that the product is composed of.
import { createHttpEdge } from '../../packages/server/src/http/edge.ts';
import { listen } from '../../packages/server/src/http/listen.ts';
import { MetricsRegistry } from '../../packages/server/src/http/metrics/registry.ts';
import { createMcpDoor, type McpDoor } from '../../packages/server/src/mcp/door.ts';
import type { DoorLimits } from '../../packages/server/src/mcp/limits.ts';
import type { ParseSandboxState } from '../../packages/server/src/mcp/sandbox-state.ts';

export interface ProductServer extends AsyncDisposable {
  readonly url: string;
  /** of the operator */
  readonly token: string;
  readonly door: McpDoor;
  readonly principals: Principals;
  readonly audit: AuditLog;
  /** what the door and the pipeline reported as faults of their own */
  readonly faults: readonly unknown[];
}

export interface ProductParts {
  readonly tools: readonly ToolProvider[];
  readonly prompts?: PromptProvider;
  readonly resources?: readonly ResourceProvider[];
  readonly skills?: SkillLibrary;
  readonly logging?: boolean;
  readonly parseSandboxState?: ParseSandboxState;
  readonly limits?: Partial<DoorLimits>;
}

export async function startProductServer(parts: ProductParts): Promise<ProductServer> {
  await using stack = new AsyncDisposableStack();
  const faults: unknown[] = [];
  const reportFault = (what: string, _facts: unknown, fault: unknown): void => void faults.push({ what, fault });
  const clock = (): number => Date.now();
  const home = await mkdtemp(join(tmpdir(), 'agentbox-door-'));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const stores = stack.use(await openStores({ kind: 'sqlite', path: join(home, 'agentbox.db'), clock }));
  const principals = await createPrincipals({ store: stores.principals, clock, random: randomBytes, reportFault });
  const { token } = await principals.issue(OPERATOR);
  const catalog = stack.use(createCatalog({ providers: parts.tools, prefix: '', reportFault }));
  const redactor = compileRedactor([]);
  const pipeline = createCallPipeline({ catalog, audit: stores.audit, redactor: () => redactor, clock, reportFault });
  const door = createMcpDoor({
    catalog,
    pipeline,
    skills: parts.skills ?? null,
    resources: parts.resources ?? [],
    prompts: parts.prompts ?? null,
    logging: parts.logging ?? false,
    info: { name: 'agentbox', title: 'agentbox', version: '0.1.0' },
    instructions: 'A machine with fixture tools.',
    onFault: (fault) => void faults.push(fault),
    ...(parts.limits === undefined ? {} : { limits: parts.limits }),
    ...(parts.parseSandboxState === undefined ? {} : { parseSandboxState: parts.parseSandboxState }),
  });
  stack.defer(() => door.close());
  const authenticator = createAuthenticator({ principals, store: stores.principals, resource: null, clock });
  const edge = createHttpEdge({
    authenticator,
    door,
    checks: [],
    metrics: new MetricsRegistry(),
    audit: stores.audit,
    clock,
    reportFault,
    settings: {},
  });
  const listener = await listen(edge, { host: '127.0.0.1', port: 0 });
  stack.defer(() => listener.close(1000));
  const owned = stack.move();
  const dispose = () => owned.disposeAsync();
  const { audit } = stores;
  return { url: `${listener.url}/mcp`, token, door, principals, audit, faults, [Symbol.asyncDispose]: dispose };
}
