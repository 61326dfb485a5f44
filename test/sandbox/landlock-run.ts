/** The second layer of a plan for tests without a guard: a small program that applies its lists and becomes the command. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { LaunchPlan } from '@agentbox/protocol';
import { probe } from './harness.ts';

const PROGRAM = readFileSync(path.join(import.meta.dirname, '../fixtures/sandbox/landlock-run.py'), 'utf8');
const PYTHON = '/usr/bin/python3';
/** renames across directories, and truncation, are held from here on */
const LEAST_ABI = 3;

function reason(): string | false {
  if (spawnSync(PYTHON, ['--version']).status !== 0) return 'only where the program itself is installed';
  return probe.kernel.landlockAbi < LEAST_ABI ? 'needs Landlock ABI 3' : false;
}

export const noLandlock: string | false = reason();

export const underLandlock = (landlock: LaunchPlan['landlock']): readonly string[] => [
  PYTHON,
  '-c',
  PROGRAM,
  JSON.stringify(landlock),
];
