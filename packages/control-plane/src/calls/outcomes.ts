/** The outcomes that the pipeline itself gives, and what becomes of a provider that throws. Pure. */

import { type Redactor, unreachable } from '@agentbox/base';
import { AgentboxError, type Detail, type ErrorCode, type Scope, type TraceId } from '@agentbox/protocol';
import type { Principal, ToolOutcome } from '../ports.ts';

type Failed = Extract<ToolOutcome, { readonly kind: 'failed' }>;

export function failed(code: ErrorCode, message: string, detail: Detail = {}): Failed {
  return { kind: 'failed', code, message, detail };
}

export function missingScopes(needed: readonly Scope[], caller: Principal): readonly Scope[] {
  return needed.filter((scope) => !caller.scopes.has(scope));
}

/** An AgentboxError was written for the caller; anything else is a bug of which only the trace is told. */
export function outcomeOfThrown(thrown: unknown, aborted: boolean, trace: TraceId): Failed {
  if (thrown instanceof AgentboxError) return failed(thrown.code, thrown.message, thrown.detail);
  if (aborted) return failed('CANCELLED', 'the call was cancelled');
  return failed('INTERNAL', `the tool failed unexpectedly; trace ${trace}`, { trace });
}

export function redactOutcome(outcome: ToolOutcome, redactor: Redactor): ToolOutcome {
  switch (outcome.kind) {
    case 'done':
      return { ...outcome, result: redactor.data(outcome.result) };
    case 'running':
      return { ...outcome, partial: redactor.data(outcome.partial) };
    case 'needs-input':
      // `state` is sealed by the provider and comes back as it went.
      return { ...outcome, requests: redactor.data(outcome.requests) };
    case 'refused':
      return redactor.data(outcome);
    case 'failed':
      return { ...outcome, message: redactor.text(outcome.message), detail: redactor.data(outcome.detail) };
    default:
      return unreachable(outcome);
  }
}
