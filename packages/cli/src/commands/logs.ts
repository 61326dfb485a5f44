/** `agentbox logs`: reads the record, the newest last; can follow it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AUDIT_KINDS, type AuditRecord } from '@agentbox/protocol';
import { openOperator } from '@agentbox/server';
import { type Command, HOME, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { recordLine } from '../record/record-line.ts';
import { type Screen, screenOn } from '../terminal/screen.ts';

export const logs: Command = {
  name: 'logs',
  summary: 'Read the record of what was asked, decided and done.',
  synopsis: '[--follow] [--last N] [--kind KIND] [--session ID] [--json]',
  about: 'Newest last. --kind takes a kind such as call.finished, or its first word.',
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on with what comes' },
    last: { type: 'string', short: 'n', value: 'N', help: 'how many to begin with (40)' },
    kind: { type: 'string', value: 'KIND', help: 'only this kind' },
    principal: { type: 'string', value: 'ID', help: 'only what this client did' },
    session: { type: 'string', value: 'ID', help: 'only what names this session' },
    json: { type: 'boolean', help: 'one JSON record on each line' },
    home: HOME,
  },
  examples: [
    ['agentbox logs -f', 'watch what agents do'],
    ['agentbox logs --kind door --last 200', 'who was refused at the door'],
  ],
  run: runLogs,
};

const POLL_MS = 400;
const PAGE = 500;

async function runLogs(args: Parsed, io: Io): Promise<number> {
  const wanted = filterOf(args);
  const count = countOf(args.text('last') ?? '40');
  await using operator = await openOperator(pathsOf(args, io), join(io.root, 'dist'));
  const screen = screenOn(io.stdout, io.env);
  const show = (records: readonly AuditRecord[]): void => {
    for (const record of records.filter(wanted)) print(record, args.flag('json'), screen);
  };
  let records = await operator.lastAudit(PAGE);
  show(records.filter(wanted).slice(-count));
  let next = (records.at(-1)?.seq ?? 0) + 1;
  const reader = new AbortController();
  // Whoever reads the pipe went away: that ends the command, as it ends `tail -f`.
  io.stdout.once('error', () => reader.abort());
  while (args.flag('follow') && !reader.signal.aborted) {
    records = await operator.readAudit(next, PAGE);
    show(records);
    next = (records.at(-1)?.seq ?? next - 1) + 1;
    if (records.length < PAGE) await sleep(POLL_MS);
  }
  return EXIT.done;
}

function countOf(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) > PAGE) throw new UsageError(`--last takes a number up to ${PAGE}`);
  return Number(text);
}

function filterOf(args: Parsed): (record: AuditRecord) => boolean {
  const kind = args.text('kind');
  const principal = args.text('principal');
  const session = args.text('session');
  if (kind !== undefined && !AUDIT_KINDS.some((known) => known === kind || known.startsWith(`${kind}.`))) {
    throw new UsageError(`unknown kind \`${kind}\`; known are ${AUDIT_KINDS.join(', ')}`);
  }
  return (record) =>
    (kind === undefined || record.kind === kind || record.kind.startsWith(`${kind}.`)) &&
    (principal === undefined || record.principal === principal) &&
    (session === undefined || record.subject === session || Object.values(record.detail).includes(session));
}

function print(record: AuditRecord, asJson: boolean, screen: Screen): void {
  screen.line(asJson ? JSON.stringify(record) : recordLine(record, screen));
}
