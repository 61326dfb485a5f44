/** Settles the arguments of exec_command into what is spawned and how it is answered. Pure: no clock, no files. */
import { resolve } from 'node:path';
import type { ExecCommandInput, SpawnRequest } from '@agentbox/protocol';
import { type Failed, fail } from './outcome.ts';
import { clamp, type MachineSettings } from './settings.ts';

export type OutputFormat = 'text' | 'codex';

/** How an answer is made. */
export interface AnswerPlan {
  readonly waitMs: number;
  readonly maxTokens: number;
  readonly format: OutputFormat;
  readonly raw: boolean;
  readonly warnings: readonly string[];
}

export interface ExecPlan {
  readonly kind: 'run';
  readonly spawn: Omit<SpawnRequest, 'session' | 'owner' | 'profile'>;
  readonly answer: AnswerPlan;
}

/** The size that Codex gives a terminal. */
const TERMINAL_SIZE = { cols: 80, rows: 24 } as const;

/** What the box takes in one request, with room for the rest of it. */
export const MAX_WIRE_BYTES = 7 * 1024 * 1024;
/** no escape makes a shorter text longer than the wire takes */
const ALWAYS_FITS_CHARS = 1024 * 1024;

function wireBytes({ cmd, env }: ExecCommandInput): number {
  const variables = Object.entries(env ?? {});
  // Each costs its quotes, colon and comma as well.
  const chars = variables.reduce((sum, [name, value]) => sum + name.length + value.length + 6, cmd.length);
  return chars <= ALWAYS_FITS_CHARS ? chars : Buffer.byteLength(JSON.stringify([cmd, env]));
}

export function settleExec(asked: ExecCommandInput, home: string, settings: MachineSettings): ExecPlan | Failed {
  const refused = refuseText('cmd', asked.cmd) ?? refuseText('workdir', asked.workdir) ?? refuseEnv(asked.env);
  if (refused !== undefined) return refused;
  if (asked.cmd.length > settings.maxCommandChars) {
    return fail(
      'COMMAND_TOO_LARGE',
      `cmd has ${asked.cmd.length} characters, at most ${settings.maxCommandChars} are taken`,
      { limit: settings.maxCommandChars },
    );
  }
  if (wireBytes(asked) > MAX_WIRE_BYTES) {
    return fail('COMMAND_TOO_LARGE', `cmd and env need more than ${MAX_WIRE_BYTES} bytes`, { limit: MAX_WIRE_BYTES });
  }
  const tty = asked.tty === true;
  return {
    kind: 'run',
    spawn: {
      command: {
        kind: 'shell',
        text: asked.cmd,
        shell: asked.shell === undefined || asked.shell === '' ? settings.defaultShell : asked.shell,
        login: asked.login ?? settings.login,
      },
      cwd: resolve(settings.defaultWorkdir ?? home, asked.workdir ?? ''),
      env: asked.env ?? {},
      io: tty
        ? { kind: 'tty', size: TERMINAL_SIZE }
        : { kind: 'pipe', stdin: asked.stdin === true, stderr: asked.stderr ?? 'merged' },
      onExit: asked.on_exit ?? 'keep',
    },
    answer: settleAnswer(asked, clamp(asked.yield_time_ms, settings.execYieldMs), settings, execWarnings(asked)),
  };
}

export function settleAnswer(
  asked: Pick<ExecCommandInput, 'max_output_tokens' | 'format' | 'raw'>,
  waitMs: number,
  settings: MachineSettings,
  warnings: readonly string[],
): AnswerPlan {
  const tokens = asked.max_output_tokens ?? settings.defaultOutputTokens;
  const format = asked.format ?? 'text';
  return {
    waitMs,
    maxTokens: Math.min(tokens, settings.maxOutputTokens),
    format,
    raw: asked.raw === true,
    warnings:
      tokens > settings.maxOutputTokens && format === 'text'
        ? [...warnings, `max_output_tokens ${tokens} is more than the limit of ${settings.maxOutputTokens}`]
        : warnings,
  };
}

function execWarnings(asked: ExecCommandInput): readonly string[] {
  const warnings: string[] = [];
  if (asked.cmd.trim() === '') warnings.push('cmd is empty: nothing was run');
  if (asked.tty === true && asked.stderr === 'separate') warnings.push('a terminal has one stream: stderr is merged');
  if (asked.tty === true && asked.stdin === true) warnings.push('stdin=true changes nothing with tty=true');
  return warnings;
}

export function refuseText(name: string, text: string | undefined): Failed | undefined {
  const at = text === undefined ? -1 : text.indexOf('\0');
  if (at < 0) return undefined;
  return fail('INVALID_ARGUMENTS', `argument "${name}" has a NUL byte at character ${at}; no program can be given one`);
}

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function refuseEnv(env: Readonly<Record<string, string>> | undefined): Failed | undefined {
  for (const [name, value] of Object.entries(env ?? {})) {
    if (!ENV_NAME.test(name)) {
      return fail(
        'INVALID_ARGUMENTS',
        `argument "env" names ${JSON.stringify(name.slice(0, 64))}, which is no variable name`,
      );
    }
    const refused = refuseText(`env.${name}`, value);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
