/**
 * The home: the one directory that holds the configuration, the operator's token, the record and the sockets. It belongs
 * to the user who runs agentbox and nobody else may write to it; otherwise nothing starts.
 */
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';

export interface HomePaths {
  readonly home: string;
  readonly config: string;
  readonly token: string;
  readonly database: string;
  /** held by the running server for as long as it lives */
  readonly lock: string;
  /** where the command line asks the running server */
  readonly control: string;
  /** seals what a client carries between two requests */
  readonly stateKey: string;
  /** who runs, and where: written when the server is ready */
  readonly state: string;
}

const OTHERS_WRITE = 0o022;
const PRIVATE = 0o700;

export function resolveHome(flag: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  const asked = flag ?? env['AGENTBOX_HOME'];
  return asked === undefined || asked === '' ? join(homedir(), '.agentbox') : resolve(asked);
}

export function homePaths(home: string): HomePaths {
  return {
    home,
    config: join(home, 'config.toml'),
    token: join(home, 'token'),
    database: join(home, 'agentbox.db'),
    lock: join(home, 'server.lock'),
    control: join(home, 'control.sock'),
    stateKey: join(home, 'state.key'),
    state: join(home, 'server.json'),
  };
}

export interface HomeProblem {
  readonly problem: string;
  readonly fix: string;
}

/** What makes a standing home unsafe to use. Changes nothing. */
export function homeProblem(home: string): HomeProblem | undefined {
  if (home === '/' || home === homedir()) {
    return { problem: 'is not a directory of its own', fix: `use a directory inside it: ${join(home, '.agentbox')}` };
  }
  const stat = lstatSync(home);
  const me = userInfo();
  if (!stat.isDirectory()) return { problem: 'is not a directory', fix: 'name a directory' };
  if (stat.uid !== me.uid) {
    return {
      problem: `belongs to user ${stat.uid}, not to ${me.username}`,
      fix: `sudo chown -R ${me.username} ${home}`,
    };
  }
  if ((stat.mode & OTHERS_WRITE) !== 0 && readdirSync(home).length > 0) {
    return { problem: 'can be written by other users', fix: `look through what is in it, then chmod 700 ${home}` };
  }
  return undefined;
}

function makeHome(home: string): HomeProblem | undefined {
  if (existsSync(home)) return undefined;
  try {
    mkdirSync(home, { recursive: true, mode: PRIVATE });
    return undefined;
  } catch (fault) {
    const cause = fault instanceof Error ? fault.message : String(fault);
    return { problem: `cannot be made (${cause})`, fix: 'choose a directory that you may write to, with --home' };
  }
}

/** Makes the home when it is missing, closes it to others when it is still empty, and refuses one that is not safe. */
export function prepareHome(home: string): HomePaths {
  const found = makeHome(home) ?? homeProblem(home);
  if (found !== undefined) {
    const { problem, fix } = found;
    throw new AgentboxError('CONFIG_INVALID', `${home} ${problem}. Fix: ${fix}`, { home, problem, fix });
  }
  if ((lstatSync(home).mode & 0o777) !== PRIVATE) chmodSync(home, PRIVATE);
  return homePaths(home);
}
