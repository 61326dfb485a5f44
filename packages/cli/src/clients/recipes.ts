/** The clients that `connect` knows, with the exact words that each of them reads. */
import { join } from 'node:path';
import { bearer, type Door, type Entry, type Places, type Recipe, SERVER_NAME } from './recipe.ts';

const claude: Recipe = {
  name: 'claude',
  title: 'Claude Code',
  remote: false,
  steps: (door) => [
    {
      say: 'Run this once:',
      copy: `claude mcp add --transport http --scope user ${SERVER_NAME} ${door.url} --header "Authorization: ${bearer(door)}"`,
    },
    { say: '`claude mcp list` then says Connected.', copy: null },
  ],
  entry: (door, places) => ({
    file: join(places.home, '.claude.json'),
    format: 'json',
    path: ['mcpServers', SERVER_NAME],
    value: { type: 'http', url: door.url, headers: { Authorization: bearer(door) } },
    lists: {},
    next: '`claude mcp list` then says Connected.',
  }),
};

const CODEX_VARIABLE = 'AGENTBOX_TOKEN';

const codex: Recipe = {
  name: 'codex',
  title: 'Codex',
  remote: false,
  steps: (door, places) => [
    {
      say: `Add this to ${join(places.home, '.codex', 'config.toml')}:`,
      copy: `[mcp_servers.${SERVER_NAME}]\nurl = "${door.url}"\nbearer_token_env_var = "${CODEX_VARIABLE}"`,
    },
    { say: 'And this to the profile of your shell:', copy: `export ${CODEX_VARIABLE}=${door.token}` },
  ],
  entry: (door, places) => ({
    file: join(places.home, '.codex', 'config.toml'),
    format: 'toml',
    path: ['mcp_servers', SERVER_NAME],
    value: { url: door.url, bearer_token_env_var: CODEX_VARIABLE },
    lists: {},
    next: `Codex reads the token from the environment: export ${CODEX_VARIABLE}=${door.token}`,
  }),
};

const cursor: Recipe = {
  name: 'cursor',
  title: 'Cursor',
  remote: false,
  steps: (door, places) => [
    { say: `Add this to ${cursorEntry(door, places).file}:`, copy: snippet(cursorEntry(door, places)) },
  ],
  entry: cursorEntry,
};

function cursorEntry(door: Door, places: Places): Entry {
  return {
    file: join(places.home, '.cursor', 'mcp.json'),
    format: 'json',
    path: ['mcpServers', SERVER_NAME],
    value: { url: door.url, headers: { Authorization: bearer(door) } },
    lists: {},
    next: 'Cursor shows it under Settings, MCP.',
  };
}

const vscode: Recipe = {
  name: 'vscode',
  title: 'VS Code',
  remote: false,
  steps: (door, places) => [
    { say: `Add this to ${vscodeEntry(door, places).file}:`, copy: snippet(vscodeEntry(door, places)) },
    {
      say: 'Start the server from the line above its name. VS Code asks for the token once and keeps it:',
      copy: door.token,
    },
  ],
  entry: vscodeEntry,
};

/** The file belongs to a project and is often committed, so the token is asked for and not written. */
function vscodeEntry(door: Door, places: Places): Entry {
  return {
    file: join(places.cwd, '.vscode', 'mcp.json'),
    format: 'json',
    path: ['servers', SERVER_NAME],
    value: { type: 'http', url: door.url, headers: { Authorization: 'Bearer ${input:agentbox-token}' } },
    lists: {
      inputs: [{ type: 'promptString', id: 'agentbox-token', description: 'agentbox token', password: true }],
    },
    next: `VS Code asks for the token once and keeps it: ${door.token}`,
  };
}

const gemini: Recipe = {
  name: 'gemini',
  title: 'Gemini CLI',
  remote: false,
  steps: (door) => [
    {
      say: 'Run this once:',
      copy: `gemini mcp add --scope user -t http -H "Authorization: ${bearer(door)}" ${SERVER_NAME} ${door.url}`,
    },
  ],
  entry: (door, places) => ({
    file: join(places.home, '.gemini', 'settings.json'),
    format: 'json',
    path: ['mcpServers', SERVER_NAME],
    value: { httpUrl: door.url, headers: { Authorization: bearer(door) } },
    lists: {},
    next: '`gemini mcp list` then shows it.',
  }),
};

const chatgpt: Recipe = {
  name: 'chatgpt',
  title: 'ChatGPT',
  remote: true,
  steps: (door) => [
    {
      say: '1. In ChatGPT on the web: Settings, Apps & Connectors, Advanced settings: switch on Developer mode.',
      copy: null,
    },
    { say: '2. Settings, Apps & Connectors, Create: name it agentbox and give it this address:', copy: door.url },
    { say: '3. Authentication: Access token or API key, sent as a bearer token. The token:', copy: door.token },
    {
      say: '   Or OAuth, when `auth.jwks` names an OAuth server of your own: ChatGPT finds it by the address.',
      copy: null,
    },
    {
      say: '4. In a new chat choose Developer mode, then agentbox, and begin with:',
      copy: 'Call agentbox_bootstrap first, then work with agentbox_exec_command.',
    },
    { say: 'ChatGPT asks before calls that change something: the tools say which do.', copy: null },
    {
      say: 'It keeps the list of tools: refresh the connector when `tools.prefix` or the version changes.',
      copy: null,
    },
  ],
  entry: () => null,
};

export const RECIPES: readonly Recipe[] = [claude, codex, cursor, vscode, chatgpt, gemini];

function snippet(entry: Entry): string {
  const [servers, name] = entry.path;
  return JSON.stringify({ ...entry.lists, [servers]: { [name]: entry.value } }, null, 2);
}
