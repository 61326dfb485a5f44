/**
 * Real clients against the product, on demand: `node test/clients/run.ts [inspector mcporter codex claude]`.
 * Installs the clients into test/.clients without install scripts. A scripted model on loopback stands in for the
 * provider, so that no run needs an account or a network.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messagesDialect, responsesDialect, startModel } from '../../bench/scripted-model.ts';
import { type Stage, startStage } from '../../bench/stage.ts';
import { type Finished, runProgram } from '../../scripts/process.ts';
import { assertScriptRan, STEPS } from './script.ts';

const ROOT = process.cwd();
const CLIENTS = join(ROOT, 'test/.clients');
const VERSIONS = {
  '@openai/codex': '0.169.0',
  '@anthropic-ai/claude-code': '2.1.329',
  '@modelcontextprotocol/inspector': '2.12.0',
  mcporter: '0.12.3',
} as const;

/** A client gets a folder of its own for its configuration; it throws when the run was not as it must be. */
type Client = (stage: Stage, folder: string) => Promise<string>;

const bin = (name: string): string => join(CLIENTS, 'node_modules/.bin', name);

async function runClient(argv: readonly string[], folder: string, env: NodeJS.ProcessEnv): Promise<Finished> {
  const finished = await runProgram(['timeout', '120', ...argv], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, TERM: 'dumb', NO_COLOR: '1', ...env },
  });
  assert.equal(finished.code, 0, finished.output);
  return finished;
}

const inspector: Client = async (stage, folder) => {
  const base = [
    bin('inspector'),
    '--cli',
    stage.url,
    '--transport',
    'http',
    '--header',
    `Authorization: Bearer ${stage.token}`,
  ];
  const list = await runClient([...base, '--method', 'tools/list', '--strict'], folder, {});
  assert.match(list.output, /agentbox_exec_command/);
  const call = [
    ...base,
    '--method',
    'tools/call',
    '--tool-name',
    'agentbox_exec_command',
    '--tool-arg',
    'cmd=echo inspected',
  ];
  const { output } = await runClient(call, folder, {});
  assert.match(output, /inspected/);
  return 'tools/list --strict, tools/call';
};

const mcporter: Client = async (stage, folder) => {
  const config = join(folder, 'mcporter.json');
  const server = { baseUrl: stage.url, headers: { Authorization: `Bearer ${stage.token}` } };
  await writeFile(config, JSON.stringify({ mcpServers: { agentbox: server } }));
  const argv = [bin('mcporter'), '--config', config];
  assert.match((await runClient([...argv, 'list', 'agentbox'], folder, {})).output, /agentbox_exec_command/);
  const { output } = await runClient(
    [...argv, 'call', 'agentbox.agentbox_exec_command', 'cmd=echo ported'],
    folder,
    {},
  );
  assert.match(output, /ported/);
  return 'list, call';
};

const codex: Client = async (stage, folder) => {
  await using model = await startModel(STEPS, responsesDialect('mcp__agentbox'));
  const config = [
    'model = "scripted"',
    'model_provider = "scripted"',
    '[model_providers.scripted]',
    'name = "scripted"',
    `base_url = "${model.baseUrl}/v1"`,
    'wire_api = "responses"',
    'env_key = "SCRIPTED_KEY"',
    '[mcp_servers.agentbox]',
    `url = "${stage.url}"`,
    'bearer_token_env_var = "AGENTBOX_TOKEN"',
  ];
  await writeFile(join(folder, 'config.toml'), config.join('\n'));
  const argv = [bin('codex'), 'exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', 'go'];
  await runClient(argv, folder, { CODEX_HOME: folder, SCRIPTED_KEY: 'none', AGENTBOX_TOKEN: stage.token });
  assertScriptRan(model.results());
  return 'exec -> patch -> exec -> poll';
};

const claude: Client = async (stage, folder) => {
  await using model = await startModel(STEPS, messagesDialect('mcp__agentbox__'));
  const program = join(CLIENTS, 'node_modules/@anthropic-ai/claude-code-linux-x64/claude');
  const server = { type: 'http', url: stage.url, headers: { Authorization: `Bearer ${stage.token}` } };
  const config = join(folder, 'mcp.json');
  await writeFile(config, JSON.stringify({ mcpServers: { agentbox: server } }));
  const env = {
    ANTHROPIC_BASE_URL: model.baseUrl,
    ANTHROPIC_API_KEY: 'none',
    CLAUDE_CONFIG_DIR: join(folder, 'claude'),
    ENABLE_TOOL_SEARCH: 'false',
  };
  await runClient([program, 'mcp', 'add-json', 'agentbox', JSON.stringify(server)], folder, env);
  assert.match((await runClient([program, 'mcp', 'list'], folder, env)).output, /agentbox.*Connected/);
  const allowed = [...new Set(STEPS.map((step) => `mcp__agentbox__${step.tool}`))].join(',');
  await runClient(
    [program, '-p', 'go', '--mcp-config', config, '--strict-mcp-config', '--allowedTools', allowed],
    folder,
    env,
  );
  assertScriptRan(model.results());
  return 'mcp list, exec -> patch -> exec -> poll';
};

const ALL: Readonly<Record<string, Client>> = { inspector, mcporter, codex, claude };

async function install(): Promise<void> {
  const marker = join(CLIENTS, 'installed.json');
  const want = JSON.stringify(VERSIONS);
  if ((await readFile(marker, 'utf8').catch(() => '')) === want) return;
  await mkdir(CLIENTS, { recursive: true });
  await writeFile(join(CLIENTS, 'package.json'), JSON.stringify({ private: true }));
  console.log('installing the clients (about 1 GB) into test/.clients');
  const specs = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
  const { code, output } = await runProgram(['npm', 'i', '--ignore-scripts', '--no-save', ...specs], { cwd: CLIENTS });
  assert.equal(code, 0, output);
  await writeFile(marker, want);
}

async function main(names: readonly string[]): Promise<void> {
  await install();
  let failed = 0;
  for (const name of names) {
    const client = ALL[name];
    if (client === undefined) throw new TypeError(`no client "${name}"; there are: ${Object.keys(ALL).join(', ')}`);
    await using stage = await startStage(ROOT);
    const folder = await mkdtemp(join(tmpdir(), `agentbox-client-${name}-`));
    try {
      const startedAt = performance.now();
      const what = await client(stage, folder);
      console.log(`ok    ${name.padEnd(10)} ${what} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
    } catch (fault) {
      failed += 1;
      console.log(`FAIL  ${name}\n${String(fault)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  console.log(`${names.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

const chosen = process.argv.slice(2);
await main(chosen.length > 0 ? chosen : Object.keys(ALL));
