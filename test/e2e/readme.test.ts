/** The transcript of README.md is what happens: the same steps are taken, and each line is made from its answer. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { benchClient } from '../../bench/mcp-client.ts';
import { type Stage, startStage } from '../../bench/stage.ts';
import { verifies } from '../requirements/verifies.ts';

const Ran = z.looseObject({
  session_id: z.string().optional(),
  exit_code: z.number().nullish(),
  output: z.string(),
  awaiting_input: z.looseObject({ text: z.string() }).nullish(),
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

/** Asks, then goes on for longer than a restart of the server takes. */
const DEPLOY = [
  '#!/bin/sh',
  'printf "Deploy to production? [y/N] "',
  'read -r answer',
  'echo "answer: $answer"',
  'sleep 3',
  'echo deployed',
  '',
].join('\n');

async function prepare(workspace: string): Promise<void> {
  await mkdir(join(workspace, 'src'));
  await writeFile(join(workspace, 'src/retry.js'), 'export const attempts = 1;\n');
  await writeFile(join(workspace, 'deploy.sh'), DEPLOY);
  await chmod(join(workspace, 'deploy.sh'), 0o755);
}

function line(who: string, tool: string, what: string, outcome: string, told: string): string {
  return `${who.padEnd(7)}${tool.padEnd(14)}${what.padEnd(22)}${outcome.padEnd(10)}${told}`.trimEnd();
}

const outcomeOf = (ran: z.infer<typeof Ran>): string =>
  typeof ran.exit_code === 'number' ? `exit ${ran.exit_code}` : ran.awaiting_input ? 'asks' : 'running';

/** The first line after an input is its echo. */
const printed = (ran: z.infer<typeof Ran>): readonly string[] => ran.output.trim().split('\n');

async function transcript(stage: Stage): Promise<readonly string[]> {
  const lines: string[] = [];
  using client = benchClient(stage.url, stage.token);
  const see = Ran.parse(await client.call('agentbox_exec_command', { cmd: 'wc -l src/retry.js' }));
  lines.push(line('agent', 'exec_command', 'wc -l src/retry.js', outcomeOf(see), see.output.trim()));
  const patched = Patched.parse(await client.call('agentbox_apply_patch', { patch: PATCH }));
  lines.push(line('agent', 'apply_patch', 'src/retry.js', patched.status, '+2 -1'));
  const asks = Ran.parse(await client.call('agentbox_exec_command', { cmd: './deploy.sh', tty: true }));
  lines.push(line('agent', 'exec_command', './deploy.sh', outcomeOf(asks), asks.awaiting_input?.text.trim() ?? ''));
  const input = { session_id: asks.session_id, chars: 'y\n', yield_time_ms: 500 };
  const answered = Ran.parse(await client.call('agentbox_write_stdin', input));
  lines.push(line('agent', 'write_stdin', 'y', outcomeOf(answered), printed(answered).slice(1).join(', ')));
  // The place of the agent is kept a moment after its answer has left; nobody types faster than that.
  await sleep(1000);
  await stage.restartServer();
  lines.push(line('you', 'kill -9', 'the server, and start it again', '', ''));
  using again = benchClient(stage.url, stage.token);
  const ended = Ran.parse(await again.call('agentbox_write_stdin', { session_id: asks.session_id, chars: '' }));
  lines.push(line('agent', 'write_stdin', '(poll)', outcomeOf(ended), printed(ended).join(', ')));
  return lines;
}

verifies('house.readme.transcript', async () => {
  await using stage = await startStage(process.cwd());
  await prepare(stage.workspace);
  const readme = await readFile('README.md', 'utf8');
  const shown = /```text\n([\s\S]*?)\n```/.exec(readme)?.[1] ?? '';
  assert.equal((await transcript(stage)).join('\n'), shown);
});
