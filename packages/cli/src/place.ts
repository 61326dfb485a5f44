/** What a command finds at the home it is pointed to: the running server, its address and the operator's token. */
import { AgentboxError } from '@agentbox/protocol';
import {
  type HomePaths,
  homePaths,
  loadConfig,
  readOperatorToken,
  readServerState,
  resolveHome,
  type ServerState,
} from '@agentbox/server';
import type { Parsed } from './command.ts';
import type { Io } from './io.ts';

export function pathsOf(args: Parsed, io: Io): HomePaths {
  return homePaths(resolveHome(args.text('home'), io.env));
}

export function runningServer(paths: HomePaths): ServerState {
  const state = readServerState(paths.state);
  if (state === undefined) throw new AgentboxError('NOT_RUNNING', `agentbox does not run for ${paths.home}`);
  return state;
}

export interface Address {
  readonly url: string;
  readonly publicUrl: string | null;
  readonly isRunning: boolean;
}

/** The address of the running server, or the one that the configuration will give it. */
export function addressOf(paths: HomePaths, io: Io): Address {
  const config = loadConfig({ home: paths.home, env: io.env, flags: [] });
  const publicUrl = config.server.public_url;
  const state = readServerState(paths.state);
  if (state !== undefined) return { url: state.url, publicUrl, isRunning: true };
  if (config.server.port === 0) throw new AgentboxError('NOT_RUNNING', 'the port is only known while agentbox runs');
  return { url: `http://${config.server.host}:${config.server.port}/mcp`, publicUrl, isRunning: false };
}

export function tokenOf(paths: HomePaths): string {
  const token = readOperatorToken(paths.token);
  if (token === undefined)
    throw new AgentboxError('NOT_RUNNING', `there is no token in ${paths.home} yet: the first start makes it`);
  return token;
}
