/** The one place that turns an outcome into a result on the wire. The shape of results is decided here and nowhere else. */
import { unreachable } from '@agentbox/base';
import type { ContentBlock, ToolOutcome } from '@agentbox/control-plane';
import { HINT, type TraceId } from '@agentbox/protocol';
import type { Result } from '@modelcontextprotocol/server';

/** An outcome that is an answer; a question is answered first. */
export type FinalOutcome = Exclude<ToolOutcome, { readonly kind: 'needs-input' }>;

/** Key of `_meta` under which programs find why a call did not do what it was asked. */
const OUTCOME_META_KEY = 'agentbox/outcome';

export function toWireResult(outcome: FinalOutcome, trace: TraceId): Result {
  switch (outcome.kind) {
    case 'done':
      return withStructure(outcome.result.content, outcome.result.structured);
    case 'running':
      return withStructure(
        [...outcome.partial.content, ...noteOf(outcome.session, outcome.partial.content)],
        outcome.partial.structured,
      );
    case 'refused': {
      const rule = outcome.by.line === null ? outcome.by.source : `${outcome.by.source}:${String(outcome.by.line)}`;
      return failure(`${outcome.reason}\nRefused by ${rule}.\n${outcome.next}`, { kind: 'refused', rule });
    }
    case 'failed': {
      const { code, message, detail } = outcome;
      // The trace is what the hint of this code asks the agent to pass on.
      const traced = code === 'INTERNAL' ? `\nTrace: ${trace}` : '';
      return failure(`${message}\n${HINT[code]}${traced}`, { kind: 'failed', code, detail });
    }
    default:
      return unreachable(outcome);
  }
}

/** For a client that cannot answer: what waits, and what to do about it. */
export function toWaitingResult(waiting: readonly string[]): Result {
  const list = waiting.map((line) => `- ${line}`).join('\n');
  return failure(
    `This call needs an answer first, and this client cannot give it:\n${list}\nNothing was done. Ask the operator, or call again from a client that answers questions (elicitation).`,
    { kind: 'needs-input' },
  );
}

export function toDeclinedResult(): Result {
  return failure('The question of this call was declined. Nothing further was done; do not repeat the call as it is.', {
    kind: 'declined',
  });
}

function withStructure(content: readonly ContentBlock[], structured: Readonly<Record<string, unknown>> | null): Result {
  const blocks = content.map(wellFormed);
  return structured === null ? { content: blocks } : { content: blocks, structuredContent: structured };
}

/** No structured content: it would have to match the tool's output schema, and some clients show nothing else. */
function failure(text: string, outcome: Readonly<Record<string, unknown>>): Result {
  return {
    content: [{ type: 'text', text: text.toWellFormed() }],
    isError: true,
    _meta: { [OUTCOME_META_KEY]: outcome },
  };
}

function noteOf(session: string, content: readonly ContentBlock[]): readonly ContentBlock[] {
  const said = content.some((block) => block.type === 'text' && block.text.includes(session));
  return said ? [] : [{ type: 'text', text: `Still running as session ${session}.` }];
}

/** A lone surrogate is not text: strict parsers refuse the whole answer for it. */
function wellFormed(block: ContentBlock): ContentBlock {
  return block.type === 'text' && !block.text.isWellFormed() ? { ...block, text: block.text.toWellFormed() } : block;
}
