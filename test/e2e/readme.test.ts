/** The transcript of README.md is what happens: the same steps are taken, and each line is made from its answer. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { benchClient } from '../../bench/mcp-client.ts';
import { type Stage, startStage } from '../../bench/stage.ts';
import { runProgram } from '../../scripts/process.ts';
import { AGENTBOX } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';
import { NO_SANDBOX } from './sandboxed.ts';

const Ran = z.looseObject({
  session_id: z.string().optional(),
  exit_code: z.number().nullish(),
  output: z.string(),
  waiting: z.array(z.looseObject({ question: z.string(), reason: z.string() })).optional(),
});
const Patched = z.looseObject({ status: z.string() });

const PATCH = [
  '*** Begin Patch',
  '*** Update File: src/retry.js',
  '@@',
  '-export const attempts = 1;',
  '+export const attempts = 3;',
  '+export const pauseMs = 200;',
  '*** End Patch',
  '',
].join('\n');

const DEPLOY = ['#!/bin/sh', 'echo deployed', ''].join('\n');
const RULES = 'prefix_rule(pattern=["deploy.sh"], decision="prompt")\n';

async function prepare({ workspace, home }: Stage, userHome: string): Promise<void> {
  await mkdir(join(workspace, 'src'));
  await writeFile(join(workspace, 'src/retry.js'), 'export const attempts = 1;\n');
  await writeFile(join(workspace, 'deploy.sh'), DEPLOY);
  await chmod(join(workspace, 'deploy.sh'), 0o755);
  await mkdir(join(userHome, '.ssh'));
  await writeFile(join(userHome, '.ssh/id_ed25519'), 'secret\n');
  await mkdir(join(home, 'rules'), { mode: 0o700 });
  await writeFile(join(home, 'rules/default.rules'), RULES, { mode: 0o600 });
}

function line(who: string, tool: string, what: string, outcome: string, told: string): string {
  return `${who.padEnd(7)}${tool.padEnd(14)}${what.padEnd(22)}${outcome.padEnd(10)}${told}`.trimEnd();
}

const outcomeOf = (ran: z.infer<typeof Ran>): string =>
  typeof ran.exit_code === 'number' ? `exit ${ran.exit_code}` : ran.waiting === undefined ? 'running' : 'waits';

/** Rules are read as they change, and a transcript must not be faster than that. */
async function untilAsked(client: ReturnType<typeof benchClient>): Promise<z.infer<typeof Ran>> {
  for (let attempt = 0; ; attempt += 1) {
    const ran = Ran.parse(await client.call('agentbox_exec_command', { cmd: './deploy.sh' }));
    if (ran.waiting !== undefined || attempt > 50) return ran;
    await sleep(200);
  }
}

async function transcript(stage: Stage): Promise<readonly string[]> {
  const lines: string[] = [];
  using client = benchClient(stage.url, stage.token);
  const see = Ran.parse(await client.call('agentbox_exec_command', { cmd: 'wc -l src/retry.js' }));
  lines.push(line('agent', 'exec_command', 'wc -l src/retry.js', outcomeOf(see), see.output.trim()));
  const patched = Patched.parse(await client.call('agentbox_apply_patch', { patch: PATCH }));
  lines.push(line('agent', 'apply_patch', 'src/retry.js', patched.status, '+2 -1'));
  const steals = Ran.parse(await client.call('agentbox_exec_command', { cmd: 'cat ~/.ssh/id_ed25519' }));
  const why = steals.output.trim().split(': ').at(-1) ?? '';
  lines.push(line('agent', 'exec_command', 'cat ~/.ssh/id_ed25519', outcomeOf(steals), why));
  const asks = await untilAsked(client);
  const [waits] = asks.waiting ?? [];
  const rule = /default\.rules:\d+/.exec(waits?.reason ?? '')?.[0] ?? '';
  lines.push(line('agent', 'exec_command', './deploy.sh', outcomeOf(asks), `${rule} asks for a person`));
  // The place of the agent is kept a moment after its answer has left; nobody types faster than that.
  await sleep(1000);
  await stage.restartServer();
  lines.push(line('you', 'kill -9', 'the server, and start it again', '', ''));
  const allowed = await runProgram([AGENTBOX, 'approvals', 'allow', waits?.question ?? '', '--home', stage.home], {});
  assert.equal(allowed.code, 0, allowed.output);
  lines.push(line('you', 'agentbox', 'approvals allow', '', ''));
  using again = benchClient(stage.url, stage.token);
  const ended = Ran.parse(await again.call('agentbox_write_stdin', { session_id: asks.session_id, chars: '' }));
  lines.push(line('agent', 'write_stdin', '(poll)', outcomeOf(ended), ended.output.trim()));
  return lines;
}

verifies(
  'house.readme.transcript',
  async () => {
    const userHome = await mkdtemp(join(tmpdir(), 'agentbox-readme-'));
    try {
      await using stage = await startStage(process.cwd(), {
        env: { HOME: userHome, CODEX_HOME: undefined },
        profile: 'workspace',
      });
      await prepare(stage, userHome);
      const readme = await readFile('README.md', 'utf8');
      const shown = /```text\n([\s\S]*?)\n```/.exec(readme)?.[1] ?? '';
      assert.equal((await transcript(stage)).join('\n'), shown);
    } finally {
      await rm(userHome, { recursive: true, force: true });
    }
  },
  { skip: NO_SANDBOX },
);
