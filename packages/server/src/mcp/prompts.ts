/** prompts/* and completion/complete over the optional prompt provider. */
import type { PromptOutcome, PromptProvider } from '@agentbox/control-plane';
import { ProtocolError, ProtocolErrorCode, type Result } from '@modelcontextprotocol/server';
import type { DoorLimits } from './limits.ts';
import { assertNoCursor, completeParams, invalidParams, listParams, parseParams, promptParams } from './params.ts';
import { type Answers, type Asked, bindingOf, readAnswers, settleQuestions } from './questions.ts';
import type { SealedStates } from './sealed-state.ts';
import type { Turn } from './turn.ts';

type Prompt = Extract<PromptOutcome, { readonly kind: 'done' }>;

export interface DoorPrompts {
  list(params: unknown, turn: Turn): Result;
  get(params: unknown, turn: Turn): Promise<Result>;
  complete(params: unknown, turn: Turn): Promise<Result>;
}

/** The most that the protocol lets one completion carry. */
const MAX_COMPLETIONS = 100;

const isAsked = (outcome: Prompt | Asked): outcome is Asked => outcome.kind === 'needs-input';

export function createDoorPrompts(provider: PromptProvider, states: SealedStates, limits: DoorLimits): DoorPrompts {
  return {
    list(params, turn) {
      assertNoCursor(parseParams(listParams, params).cursor);
      const prompts = provider.list(turn.caller.principal);
      return turn.era === 'modern' ? { prompts, ttlMs: limits.listTtlMs, cacheScope: 'private' } : { prompts };
    },
    async get(params, turn) {
      const { name, arguments: args = {} } = parseParams(promptParams, params);
      const bind = () => bindingOf(turn, name, args);
      const run = async (answers: Answers): Promise<Prompt | Asked> => {
        const outcome = await provider.get({ name, arguments: args, answers }, turn.caller.principal);
        if (outcome === null) throw invalidParams(`Unknown prompt: ${JSON.stringify(name)}.`);
        return outcome;
      };
      const answers = readAnswers(turn, bind, states, false);
      const settled = await settleQuestions<Prompt>({ turn, answers, bind, run, isAsked }, states, limits);
      if (settled.kind === 'asked') return settled.result;
      if (settled.kind === 'settled') {
        const { description, messages } = settled.value;
        return { description, messages };
      }
      const why = settled.kind === 'declined' ? 'its question was declined' : 'this client cannot answer its question';
      throw new ProtocolError(ProtocolErrorCode.InvalidRequest, `The prompt was not made: ${why}.`);
    },
    async complete(params, turn) {
      const { ref, argument } = parseParams(completeParams, params);
      const found =
        ref.type === 'ref/prompt'
          ? await provider.complete(ref.name, argument.name, argument.value, turn.caller.principal)
          : [];
      const values = found.slice(0, MAX_COMPLETIONS);
      return { completion: { values, total: found.length, hasMore: found.length > values.length } };
    },
  };
}
