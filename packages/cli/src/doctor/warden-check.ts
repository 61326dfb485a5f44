/** The native supervisor of this version: where it is, which bytes it has, and whether it works on this kernel. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { locateWarden } from '@agentbox/exec-guard';
import { z } from 'zod';
import { type Bad, causeOf, type Finding, ok } from './finding.ts';

const SELF_TEST_MS = 5000;
const selfTest = z.object({ version: z.string(), abi: z.string(), landlockAbi: z.number(), userNotif: z.boolean() });

export async function checkWarden(bad: Bad): Promise<Finding> {
  const located = locateWarden();
  const reinstall = 'install agentbox again: the warden comes with it';
  if ('missing' in located) return bad('Warden', located.missing, reinstall);
  const { path } = located;
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  try {
    const said = selfTest.parse(JSON.parse(await output(path, ['--self-test'])));
    const text = `version ${said.version} for ${said.abi} works (${path})`;
    return { ...ok('Warden', text), details: { 'sha-256': [sha256] } };
  } catch (fault) {
    return bad('Warden', `${path} fails its self-test: ${causeOf(fault)}`, reinstall);
  }
}

function output(program: string, args: readonly string[]): Promise<string> {
  const options = { timeout: SELF_TEST_MS, killSignal: 'SIGKILL', env: {} } as const;
  return new Promise((resolve, reject) => {
    execFile(program, [...args], options, (fault, stdout) => (fault === null ? resolve(stdout) : reject(fault)));
  });
}
