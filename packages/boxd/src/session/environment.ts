/**
 * The environment of the box's children: an allow-list of the daemon's own variables or of the user's login shell,
 * then what makes programs behave without a person, then what the caller asked. Nothing else of the daemon or the
 * server ever reaches a child.
 */
import type { SpawnIo, SpawnRequest } from '@agentbox/protocol';

export type Environment = Readonly<Record<string, string>>;

const ALLOWED = new Set(['HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR']);
const ALLOWED_PREFIXES = ['LC_', 'XDG_'];

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What programs do when nobody watches: no pager, no colours, no questions on a hidden terminal. */
const UNATTENDED: Environment = { NO_COLOR: '1', PAGER: 'cat', GIT_PAGER: 'cat', GH_PAGER: 'cat' };
const WITHOUT_TERMINAL: Environment = { TERM: 'dumb', GIT_TERMINAL_PROMPT: '0', DEBIAN_FRONTEND: 'noninteractive' };

export interface Account {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

export function allowedEnvironment(own: Readonly<Record<string, string | undefined>>, account: Account): Environment {
  const kept: Record<string, string> = {
    PATH: DEFAULT_PATH,
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
    SHELL: account.shell,
  };
  for (const [name, value] of Object.entries(own)) {
    const allowed = ALLOWED.has(name) || ALLOWED_PREFIXES.some((prefix) => name.startsWith(prefix));
    if (allowed && value !== undefined && value !== '') kept[name] = value;
  }
  return kept;
}

export function childEnvironment(from: Environment, request: SpawnRequest): Environment {
  const locale: Record<string, string> = {};
  if (from['LANG'] === undefined) locale['LANG'] = 'C.UTF-8';
  if (from['LC_ALL'] === undefined && from['LANG'] === undefined) locale['LC_ALL'] = 'C.UTF-8';
  return {
    ...from,
    ...locale,
    ...UNATTENDED,
    ...terminalVariables(request.io),
    ...request.env,
    AGENTBOX_SESSION: request.session,
    PWD: request.cwd,
  };
}

function terminalVariables(io: SpawnIo): Environment {
  return io.kind === 'tty' ? { TERM: 'xterm-256color' } : WITHOUT_TERMINAL;
}
