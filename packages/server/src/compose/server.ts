/**
 * A running server on its ground: core, HTTP edge, control socket. Whatever fails on the way up ends what stands already;
 * stopping ends it in the opposite order, and the box only when asked to.
 */
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { type Authenticator, createAuthenticator } from '@agentbox/auth';
import { AgentboxError, OPERATOR, type PrincipalId, type ProfileName, VERSION } from '@agentbox/protocol';
import { edgeSettings, issuerSettings, resourceOf, weakerSettings } from '../config/mapping.ts';
import type { Config } from '../config/schema.ts';
import { createHttpEdge } from '../http/edge.ts';
import { type HttpListener, listen } from '../http/listen.ts';
import { MetricsRegistry } from '../http/metrics/registry.ts';
import type { CheckResult, ReadinessCheck } from '../http/readiness.ts';
import { listenForOperator } from '../lifecycle/control-socket.ts';
import { portOwner } from '../lifecycle/port-owner.ts';
import { removeServerState, writeServerState } from '../lifecycle/server-state.ts';
import { createMcpDoor, type McpDoor } from '../mcp/door.ts';
import { type Core, composeCore, failureOf, serveMcpOn } from './core.ts';
import type { CoreOptions, Ground } from './ground.ts';
import type { reportFaultsTo } from './report-fault.ts';
import { runningSessions, type StopMode, type Stopped, settleBox } from './settle-box.ts';

export interface RunningServer {
  /** the address of `/mcp` */
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly boxdPid: number;
  readonly version: string;
  readonly hostname: string;
  /** sessions that ran on while no server did */
  readonly found: number;
  /** settings that protect less than the defaults do */
  readonly weaker: readonly string[];
  /** where commands run */
  readonly profile: ProfileName;
  /** null: the home of the user */
  readonly workspace: string | null;
  /** rejects when the server cannot serve any more: a restart is needed */
  readonly failed: Promise<never>;
  stop(mode: StopMode): Promise<Stopped>;
}

export async function serveOn(options: CoreOptions, ground: Ground): Promise<RunningServer> {
  const { paths, config, clock, reportFault } = options;
  await using stack = new AsyncDisposableStack();
  const core = stack.use(await composeCore(options, ground));
  const door = createMcpDoor(core.door);
  stack.defer(() => door.close());
  const disconnect = (principal: PrincipalId): void => {
    door.disconnect(principal).catch((fault: unknown) => reportFault('sessions did not end', { principal }, fault));
  };
  stack.defer(core.principals.revoked.subscribe(disconnect));
  const http = await serveHttp({ core, door, config, clock, reportFault });
  stack.defer(() => http.close(config.server.shutdown_grace_ms));
  const serveMcp = (socket: Socket): Promise<void> => serveMcpOn(core, socket);
  stack.use(await listenForOperator(paths.control, { operator: core.operator, inbox: core.inbox, serveMcp }));
  const url = `${http.url}/mcp`;
  await core.closeToSandboxes(Number(new URL(url).port));
  const weaker = weakerSettings(config);
  await core.record('server.started', url, { pid: process.pid, version: VERSION, profile: config.box.profile });
  for (const setting of weaker) await core.record('setting.weaker', setting, {});
  const started = { url, boxd_pid: core.boxdPid(), pid: process.pid, version: VERSION, started_at: clock() };
  writeServerState(paths.state, started);
  stack.defer(() => removeServerState(paths.state));
  const found = await runningSessions(core);
  ground.keepBox();
  const kept = stack.move();
  return {
    url,
    token: core.token(),
    pid: process.pid,
    boxdPid: core.boxdPid(),
    version: VERSION,
    hostname: hostname(),
    found,
    weaker,
    profile: config.box.profile,
    workspace: config.box.workspace,
    failed: failureOf(core),
    stop: async (mode) => {
      // A stop that cannot be recorded is a stop all the same: what stands is ended, and then the fault is told.
      try {
        const stopped = await settleBox(core, mode);
        await core.record('server.stopped', url, { pid: process.pid, box: stopped.box });
        return stopped;
      } finally {
        await kept.disposeAsync();
      }
    },
  };
}

interface EdgeParts {
  readonly core: Core;
  readonly door: McpDoor;
  readonly config: Config;
  readonly clock: () => number;
  readonly reportFault: ReturnType<typeof reportFaultsTo>;
}

async function serveHttp({ core, door, config, clock, reportFault }: EdgeParts): Promise<HttpListener> {
  const { host, port, dangerously_bind_all_interfaces: dangerouslyBindAllInterfaces } = config.server;
  const authenticator = createAuthenticator({
    principals: core.principals,
    store: core.stores.principals,
    jwks: issuerSettings(config),
    resource: resourceOf(config),
    clock,
  });
  const edge = createHttpEdge({
    authenticator,
    door,
    checks: [...readinessChecks(core), ...issuerChecks(authenticator)],
    metrics: metricsOf(core, door),
    audit: core.audit,
    clock,
    reportFault,
    settings: edgeSettings(config),
  });
  try {
    return await listen(edge, { host, port, dangerouslyBindAllInterfaces });
  } catch (fault) {
    throw fault instanceof AgentboxError && fault.code === 'ALREADY_RUNNING' ? portTaken(host, port) : fault;
  }
}

function portTaken(host: string, port: number): AgentboxError {
  const owner = portOwner(port);
  const by = owner === undefined ? 'another process' : `process ${owner.pid} (${owner.command})`;
  return new AgentboxError('PORT_TAKEN', `port ${port} of ${host} is taken by ${by}`, { host, port });
}

function readinessChecks(core: Core): readonly ReadinessCheck[] {
  return [
    {
      name: 'storage',
      essential: true,
      check: () => {
        const state = core.stores.state();
        return Promise.resolve(state.kind === 'open' ? { ok: true } : { ok: false, reason: state.fault.message });
      },
    },
    {
      name: 'box',
      essential: true,
      check: async () => {
        // Not its facts: those wait for the user's login shell, which may be slow.
        await core.box.list(OPERATOR);
        return { ok: true };
      },
    },
  ];
}

/** Own tokens serve without the issuer: a failure to get its keys is shown, and the server stays ready. */
function issuerChecks(authenticator: Authenticator): readonly ReadinessCheck[] {
  if (authenticator.keys() === null) return [];
  const check = (): Promise<CheckResult> => {
    const failure = authenticator.keys()?.failure ?? null;
    return Promise.resolve(failure === null ? { ok: true } : { ok: false, reason: failure });
  };
  return [{ name: 'issuer', essential: false, check }];
}

function metricsOf(core: Core, door: McpDoor): MetricsRegistry {
  const metrics = new MetricsRegistry();
  metrics.gauge('agentbox_client_sessions', '2025-era client sessions.', () => door.counters().sessions);
  metrics.gauge('agentbox_calls_running', 'Tool calls that run now.', () => core.pipeline.running);
  return metrics;
}
