/**
 * What the disk remembers of one session: a line when it was asked for, when it started and when it ended. The first
 * line is written before the program starts, so a repeated request never starts it twice, not even after a crash.
 */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import {
  AgentboxError,
  type ExitStatus,
  PROFILE_NAMES,
  type PrincipalId,
  type ProfileName,
  parsePrincipalId,
  parseSessionId,
  type SessionId,
  type SpawnIo,
} from '@agentbox/protocol';
import { z } from 'zod';
import { errnoOf } from '../files/system-error.ts';
import type { Range } from '../output/gaps.ts';

export interface SessionFacts {
  readonly session: SessionId;
  readonly owner: PrincipalId;
  readonly command: string;
  readonly cwd: string;
  readonly io: SpawnIo;
  readonly profile: ProfileName;
}

export interface Remembered {
  readonly facts: SessionFacts;
  readonly started: { readonly pid: number; readonly startedAt: number } | null;
  readonly ended: { readonly exit: ExitStatus; readonly output: number; readonly stderr: number } | null;
  readonly gaps: readonly (Range & { readonly stream: Stream })[];
}

export type Stream = 'output' | 'stderr';

const asked = z.object({
  kind: z.literal('asked'),
  facts: z.object({
    session: z.custom<SessionId>((value) => typeof value === 'string' && parseSessionId(value) !== undefined),
    owner: z.custom<PrincipalId>((value) => typeof value === 'string' && parsePrincipalId(value) !== undefined),
    command: z.string(),
    cwd: z.string(),
    io: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('pipe'), stdin: z.boolean(), stderr: z.enum(['merged', 'separate']) }),
      z.object({ kind: z.literal('tty'), size: z.object({ cols: z.number(), rows: z.number() }) }),
    ]),
    // A journal without a profile is of a box that knew the host alone.
    profile: z.enum(PROFILE_NAMES).default('host'),
  }),
});
const stream = z.enum(['output', 'stderr']);
const started = z.object({ kind: z.literal('started'), pid: z.number(), startedAt: z.number() });
const ended = z.object({
  kind: z.literal('ended'),
  exit: z.object({ code: z.number(), signal: z.string().nullable(), at: z.number() }),
  output: z.number(),
  stderr: z.number(),
});
const gap = z.object({ kind: z.literal('gap'), stream, from: z.number(), to: z.number() });
const entry = z.discriminatedUnion('kind', [asked, started, ended, gap]);

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

export class Journal {
  readonly directory: string;
  readonly #file: string;
  #last: Promise<void> = Promise.resolve();

  constructor(directory: string) {
    this.directory = directory;
    this.#file = path.join(directory, 'journal');
  }

  /** Leaves nothing behind when it fails. */
  begin(facts: SessionFacts): void {
    try {
      mkdirSync(this.directory, { mode: 0o700 });
    } catch (fault) {
      throw this.#named(fault);
    }
    try {
      writeFileSync(this.#file, line({ kind: 'asked', facts }), { mode: 0o600, flag: 'wx' });
    } catch (fault) {
      rmSync(this.directory, { recursive: true, force: true });
      throw this.#named(fault);
    }
  }

  /** A full disk is nobody's bug: it has a code of its own. */
  #named(fault: unknown): unknown {
    if (!FULL.has(errnoOf(fault) ?? '')) return fault;
    return new AgentboxError('DISK_FULL', `the session could not be written to ${this.directory}: the disk is full`);
  }

  /** false on a full disk: after a restart the session is then known without its pid */
  started(pid: number, startedAt: number): boolean {
    try {
      appendFileSync(this.#file, line({ kind: 'started', pid, startedAt }));
      return true;
    } catch {
      return false;
    }
  }

  /** A range of the output that the disk will never hold. */
  gap(of: Stream, range: Range): void {
    this.#last = appendFile(this.#file, line({ kind: 'gap', stream: of, ...range })).catch(() => undefined);
  }

  /** A full disk loses this line alone: the session then reads as lost after a restart. */
  ended(exit: ExitStatus, output: number, stderr: number): Promise<void> {
    this.#last = appendFile(this.#file, line({ kind: 'ended', exit, output, stderr })).catch(() => undefined);
    return this.#last;
  }

  settled(): Promise<void> {
    return this.#last;
  }
}

const line = (value: z.infer<typeof entry>): string => `${JSON.stringify(value)}\n`;

/** undefined for a directory that holds no session. */
export function readJournal(directory: string): Remembered | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(directory, 'journal'), 'utf8');
  } catch {
    return undefined;
  }
  const entries = text.split('\n').flatMap((one) => {
    const parsed = entry.safeParse(parseJson(one));
    return parsed.success ? [parsed.data] : [];
  });
  const first = entries.find((one) => one.kind === 'asked');
  if (first === undefined) return undefined;
  return {
    facts: first.facts,
    started: entries.find((one) => one.kind === 'started') ?? null,
    ended: entries.find((one) => one.kind === 'ended') ?? null,
    gaps: entries.filter((one) => one.kind === 'gap'),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
