/** What each part of the product is told of the configuration. Names and units change here and nowhere else. */
import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import type { IssuerSettings } from '@agentbox/auth';
import type { MachineMeans, PolicySettings } from '@agentbox/protocol';
import type { MachineSettings, SkillPlaces } from '@agentbox/providers';
import type { EdgeSettings } from '../http/settings.ts';
import type { DoorLimits } from '../mcp/limits.ts';
import { rulePlaces } from './rule-places.ts';
import type { Config } from './schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function edgeSettings({ server }: Config): Partial<EdgeSettings> {
  const publicUrl = server.public_url === null ? null : new URL(server.public_url);
  return {
    allowedHosts: [...server.allowed_hosts, ...(publicUrl === null ? [] : [publicUrl.host])],
    allowedOrigins: [...server.allowed_origins, ...(publicUrl === null ? [] : [publicUrl.origin])],
    trustedProxies: server.trusted_proxies,
    maxBodyBytes: server.max_body_bytes,
    maxConnections: server.max_connections,
  };
}

export function doorLimits({ server }: Config): Partial<DoorLimits> {
  return {
    bodyBytes: server.max_body_bytes,
    sessions: server.max_client_sessions,
    sessionIdleMs: server.client_session_idle_ms,
  };
}

export function issuerSettings({ auth }: Config): IssuerSettings | null {
  if (auth.jwks === null) return null;
  const { issuer, jwks_url: jwksUrl, audience, required_scopes: requiredScopes, clients } = auth.jwks;
  const { scope_map: scopeMap, algorithms, private_network: privateNetwork } = auth.jwks;
  return {
    issuer,
    jwksUrl,
    audience,
    requiredScopes,
    clients,
    privateNetwork,
    ...(scopeMap === null ? {} : { scopeMap }),
    ...(algorithms === null ? {} : { algorithms }),
  };
}

/** The address of `/mcp` that clients from outside know; null when there is none. */
export function resourceOf({ server }: Config): string | null {
  return server.public_url === null ? null : new URL('/mcp', server.public_url).href;
}

/** Null for the home of the user; service users such as nobody have none, and then HOME or the root must do. */
function usualWorkdir(env: Environment): string | null {
  if (existsSync(userInfo().homedir)) return null;
  const home = env['HOME'];
  return home !== undefined && isAbsolute(home) && existsSync(home) ? home : '/';
}

export function machineSettings(config: Config, env: Environment): Partial<MachineSettings> {
  const { exec, box, tools, server, approvals } = config;
  return {
    prefix: tools.prefix,
    defaultWorkdir: exec.default_workdir ?? box.workspace ?? usualWorkdir(env),
    defaultShell: exec.shell,
    login: exec.login,
    workspace: box.workspace,
    projectRoots: box.workspace === null ? [] : [box.workspace],
    publicBaseUrl: server.public_url,
    execYieldMs: { standard: exec.yield_time_ms, least: 250, most: 30_000 },
    defaultOutputTokens: exec.max_output_tokens,
    onCancel: exec.on_cancel,
    onDisconnect: exec.on_disconnect,
    clientMayAnswer: approvals.client_may_answer,
  };
}

export function skillPlaces(config: Config, env: Environment): SkillPlaces {
  return {
    workspace: config.box.workspace,
    home: homedir(),
    codexHome: env['CODEX_HOME'] ?? null,
    configured: config.skills.roots,
  };
}

/** By what the box decides, and with what it holds. */
export function policySettings(
  config: Config,
  home: string,
  env: Environment,
  means: MachineMeans | null,
): PolicySettings {
  const { unmatched, question_ms: questionMs } = config.policy;
  return { ...rulePlaces(config, home, env), unmatched, questionMs, ownPorts: [config.server.port], means };
}

/** Settings that protect less than the defaults do: shown at the start, and recorded. */
export function weakerSettings({ server, auth, box, sandbox, approvals }: Config): readonly string[] {
  const weaker: string[] = [];
  if (box.profile === 'host') weaker.push('box.profile: commands run as you, without a sandbox and without rules');
  if (sandbox.allow_landlock_only) weaker.push('sandbox.allow_landlock_only: a sandbox without namespaces is accepted');
  if (approvals.self_approval) weaker.push('approvals.self_approval: a token may answer its own questions');
  if (server.dangerously_bind_all_interfaces) {
    weaker.push(`server.dangerously_bind_all_interfaces: ${server.host} is reached without encryption`);
  }
  if (server.trusted_proxies.length > 0) weaker.push('server.trusted_proxies: what they say of a client is believed');
  if (auth.jwks !== null) weaker.push(`auth.jwks: whoever ${auth.jwks.issuer} lets in may come in here`);
  return weaker;
}
