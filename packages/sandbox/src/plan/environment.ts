/** What the sandbox changes in a command's environment: where things are inside, and nothing that leads out. Pure. */
import { PROXY_PORT, type SandboxProfile } from '@agentbox/protocol';

/** Sockets, displays and logins of the user outside: none of them exists inside. */
const REMOVED = [
  'BROWSER',
  'DBUS_SESSION_BUS_ADDRESS',
  'DBUS_SYSTEM_BUS_ADDRESS',
  'DISPLAY',
  'DOCKER_CONFIG',
  'DOCKER_HOST',
  'GNOME_KEYRING_CONTROL',
  'GPG_AGENT_INFO',
  'KUBECONFIG',
  'MAIL',
  'SSH_AGENT_PID',
  'SSH_ASKPASS',
  'SSH_AUTH_SOCK',
  'SSH_CONNECTION',
  'TEMP',
  'TMP',
  'TMUX',
  'TMUX_PANE',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'XDG_RUNTIME_DIR',
  'XDG_SESSION_ID',
] as const;

const PROXIED = ['http_proxy', 'https_proxy', 'all_proxy', 'ftp_proxy'] as const;
const DIRECT = 'localhost,127.0.0.1,::1';

type Overlay = Readonly<Record<string, string | null>>;

export function planEnvironment(
  network: SandboxProfile['network'],
  places: { readonly home: string; readonly tmp: string },
  own: Readonly<Record<string, string>>,
): Overlay {
  return {
    ...Object.fromEntries(REMOVED.map((name) => [name, null])),
    ...proxyVariables(network),
    ...gitVariables(own),
    HOME: places.home,
    TMPDIR: places.tmp,
  };
}

/** A proxy of the host cannot be reached: its variables are ours or gone. */
function proxyVariables(network: SandboxProfile['network']): Overlay {
  const url = network === 'rules' ? `http://127.0.0.1:${PROXY_PORT}` : null;
  const direct = network === 'rules' ? DIRECT : null;
  const pairs = PROXIED.flatMap((name): [string, string | null][] => [
    [name, url],
    [name.toUpperCase(), url],
  ]);
  return {
    ...Object.fromEntries(pairs),
    no_proxy: direct,
    NO_PROXY: direct,
    NODE_USE_ENV_PROXY: network === 'rules' ? '1' : null,
  };
}

/** Files of other users all belong to one nobody inside, and git then refuses to look at a repository of theirs. */
function gitVariables(own: Readonly<Record<string, string>>): Overlay {
  const given = /^\d{1,3}$/.test(own['GIT_CONFIG_COUNT'] ?? '') ? Number(own['GIT_CONFIG_COUNT']) : 0;
  return {
    GIT_CONFIG_COUNT: String(given + 1),
    [`GIT_CONFIG_KEY_${given}`]: 'safe.directory',
    [`GIT_CONFIG_VALUE_${given}`]: '*',
  };
}
