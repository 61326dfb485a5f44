/** What the record says of a call: sizes and hashes of what went in and came out, and a short look at the arguments. Pure. */
import { hash } from 'node:crypto';
import { type Redactor, unreachable } from '@agentbox/base';
import type { AuditEntry } from '@agentbox/protocol';
import type { CallRequest, CatalogTool, ToolOutcome, ToolResult } from '../ports.ts';
import type { CallLimits } from './limits.ts';

/** of a reason or a message, in the record */
const MAX_REASON_CHARS = 1000;

/** Stands in the record for a value that may not be in it. */
const WITHHELD = '[withheld]';

/** The names of `meta.redactArguments`; anything but a list of texts names nothing. */
export function declaredSecrets(tool: CatalogTool): readonly string[] {
  const named: unknown = tool.definition.meta?.['redactArguments'];
  return Array.isArray(named) ? named.filter((name) => typeof name === 'string') : [];
}

/**
 * Size and hash are taken after redaction: the hash of a short secret would give it away. `secret` names the
 * arguments to withhold; null withholds all of them.
 */
export function argumentFacts(
  given: { readonly value: Readonly<Record<string, unknown>>; readonly json: string },
  secret: readonly string[] | null,
  redactor: Redactor,
  limits: CallLimits,
): Readonly<Record<string, unknown>> {
  const present = (secret ?? Object.keys(given.value)).filter((name) => Object.hasOwn(given.value, name));
  const shown =
    present.length === 0
      ? given.value
      : { ...given.value, ...Object.fromEntries(present.map((name) => [name, WITHHELD])) };
  const json = redactor.text(present.length === 0 ? given.json : JSON.stringify(shown));
  return { chars: json.length, sha256: hash('sha256', json), preview: previewOf(shown, redactor, limits) };
}

function previewOf(
  shown: Readonly<Record<string, unknown>>,
  redactor: Redactor,
  limits: CallLimits,
): Readonly<Record<string, string>> {
  const pairs = Object.entries(shown).slice(0, limits.previewedArguments);
  return Object.fromEntries(
    pairs.map(([name, value]) => {
      const text = redactor.text(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'));
      return [cut(redactor.text(name), limits.previewChars), cut(text, limits.previewChars)];
    }),
  );
}

const cut = (text: string, chars: number): string => (text.length <= chars ? text : `${text.slice(0, chars)}…`);

/** What every record of one call has in common. */
export function callEntry(
  kind: 'call.started' | 'call.finished' | 'call.refused',
  request: CallRequest,
  at: number,
  rest: Pick<AuditEntry, 'outcome' | 'detail'> & { readonly subject: string },
): AuditEntry {
  return { at, kind, principal: request.principal.id, trace: request.trace, ...rest };
}

/** What the client asked of the sandbox; what it got is in the answer. */
export function sandboxFacts({ sandboxState }: CallRequest): Readonly<Record<string, unknown>> {
  return sandboxState === null ? {} : { sandbox: { from: sandboxState.from, ...sandboxState.facts } };
}

export function outcomeFacts(outcome: ToolOutcome): Readonly<Record<string, unknown>> {
  switch (outcome.kind) {
    case 'done':
      return resultFacts(outcome.result);
    case 'running':
      return { ...resultFacts(outcome.partial), session: outcome.session };
    case 'needs-input':
      return { requests: Object.keys(outcome.requests) };
    case 'refused':
      return {
        rule: cut(outcome.by.source, MAX_REASON_CHARS),
        line: outcome.by.line,
        reason: cut(outcome.reason, MAX_REASON_CHARS),
      };
    case 'failed':
      return { code: outcome.code, message: cut(outcome.message, MAX_REASON_CHARS) };
    default:
      return unreachable(outcome);
  }
}

function resultFacts({ content, structured }: ToolResult): Readonly<Record<string, unknown>> {
  const text = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  const exitCode = structured?.['exit_code'];
  const session = structured?.['session_id'];
  return {
    text_chars: text.length,
    structured_chars: structured === null ? 0 : JSON.stringify(structured).length,
    sha256: hash('sha256', text),
    ...(typeof exitCode === 'number' ? { exit_code: exitCode } : {}),
    ...(typeof session === 'string' ? { session } : {}),
  };
}

export function recordedOutcome(outcome: ToolOutcome): AuditEntry['outcome'] {
  switch (outcome.kind) {
    case 'done':
      return 'ok';
    case 'needs-input':
      return 'waiting';
    case 'running':
    case 'refused':
    case 'failed':
      return outcome.kind;
    default:
      return unreachable(outcome);
  }
}
