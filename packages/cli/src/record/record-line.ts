/**
 * One record as one line: when, how it went, what kind, about what, and then what a person looks for first. What only
 * programs need is left to --json, which prints every record exactly.
 */
import type { AuditRecord } from '@agentbox/protocol';
import { z } from 'zod';
import { clip, plain, type Screen, type Tone } from '../terminal/screen.ts';

const TONES: Readonly<Record<NonNullable<AuditRecord['outcome']>, Tone>> = {
  ok: 'good',
  running: 'link',
  waiting: 'doubt',
  refused: 'doubt',
  failed: 'bad',
};

const TIME_WIDTH = 19;
const OUTCOME_WIDTH = 7;
const KIND_WIDTH = 14;
const GAP = '  ';

export function recordLine(record: AuditRecord, screen: Screen): string {
  const { paint } = screen;
  const tone = record.outcome === null ? 'plain' : TONES[record.outcome];
  const start = [
    paint('quiet', timeOf(record.at)),
    paint(tone, (record.outcome ?? '').padEnd(OUTCOME_WIDTH)),
    record.kind.padEnd(KIND_WIDTH),
  ].join(GAP);
  const used = TIME_WIDTH + OUTCOME_WIDTH + KIND_WIDTH + 3 * GAP.length;
  const room = screen.isTerminal ? Math.max(20, screen.columns - used) : Number.POSITIVE_INFINITY;
  const { lead, rest } = partsOf(record);
  const shown = clip([...lead, ...rest].join(GAP), room);
  const bright = lead.join(GAP).length;
  return `${start}${GAP}${shown.slice(0, bright)}${paint('quiet', shown.slice(bright))}`.trimEnd();
}

/** Local time: what happened is compared with the clock on the wall. */
function timeOf(at: number): string {
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, TIME_WIDTH).replace('T', ' ');
}

/** For programs: ids that join records, hashes and counts. */
const UNSEEN = new Set(['call', 'provider', 'sha256', 'answered', 'text_chars', 'structured_chars']);

interface Parts {
  /** what it is about: the subject and, for a call, what it asks */
  readonly lead: readonly string[];
  readonly rest: readonly string[];
}

function partsOf(record: AuditRecord): Parts {
  const { arguments: given, ...facts } = record.detail;
  const asked = previewOf(given);
  const main = MAIN_ARGUMENTS.find((name) => asked[name] !== undefined);
  const others = Object.entries(asked).filter(([name]) => name !== main);
  const seen = Object.entries(facts).filter(([name]) => !UNSEEN.has(name));
  return {
    lead: [plain(record.subject), ...(main === undefined ? [] : [mainText(main, asked[main])])],
    rest: [
      ...[...others, ...seen].map(([name, value]) => factText(name, value)),
      ...(record.principal === null ? [] : [`by ${plain(record.principal)}`]),
    ],
  };
}

const previewSchema = z.object({ preview: z.record(z.string(), z.unknown()) });

/** The arguments of a call, as far as the record shows them. */
function previewOf(given: unknown): Readonly<Record<string, unknown>> {
  const parsed = previewSchema.safeParse(given);
  return parsed.success ? parsed.data.preview : {};
}

/** The argument that says what a call does, for the tools there are. */
const MAIN_ARGUMENTS: readonly string[] = ['cmd', 'patch', 'chars', 'name', 'query', 'pattern', 'path'];

function mainText(name: string, value: unknown): string {
  const text = String(value);
  // Control characters are what was typed, so they are shown; everything else reads better without quotes.
  if (name === 'chars') return plain(JSON.stringify(text));
  return name === 'patch' ? patchText(text) : plain(text);
}

const PATCH_HEADER = /^\*\*\* (Add|Update|Delete) File: (.*)$/gm;

/** Which files a patch names; its lines are in the files by now. */
function patchText(patch: string): string {
  const files = [...patch.matchAll(PATCH_HEADER)].map(
    ([, verb = '', file = '']) => `${verb.toLowerCase()} ${plain(file)}`,
  );
  return files.length === 0 ? plain(patch) : files.join(', ');
}

/** Facts that are known by their look go without a name. */
function factText(name: string, value: unknown): string {
  const text = plain(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  if (name === 'exit_code') return `exit ${text}`;
  if (name === 'duration_ms') return `${text} ms`;
  if (name === 'session' || name === 'session_id') return text;
  return `${name}=${text}`;
}
