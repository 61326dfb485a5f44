/**
 * Decides who may give which answer. Pure. A question of somebody else is not found by those who may not approve: an
 * unknown and a foreign one look the same. The command line and the client's own dialog are a person by construction.
 */
import type { Question, QuestionAnswer, QuestionFace } from '@agentbox/protocol';
import type { Principal } from '../ports.ts';
import type { ApprovalSettings } from './settings.ts';

export interface Answer {
  readonly decision: QuestionAnswer;
  readonly by: Principal;
  readonly face: QuestionFace;
  /** said to the program when it is refused */
  readonly note: string | null;
}

export type Permission =
  | { readonly kind: 'granted' }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'forbidden'; readonly reason: string };

const GRANTED: Permission = { kind: 'granted' };
const forbidden = (reason: string): Permission => ({ kind: 'forbidden', reason });

export function permissionFor(question: Question, answer: Answer, settings: ApprovalSettings): Permission {
  const { by, decision, face } = answer;
  const isOwn = by.id === question.askedBy;
  if (!isOwn && !by.scopes.has('approve')) return { kind: 'not-found' };
  if (decision === 'always' && question.proposal === null) {
    return forbidden('no rule may be written for this program: say once or session');
  }
  // A refusal takes nothing that its asker could not give up anyway.
  if (isOwn && decision === 'deny') return GRANTED;
  if (isOwn && face === 'client') {
    return settings.clientMayAnswer ? GRANTED : forbidden('a client may not answer what it asks on this machine');
  }
  if (!by.scopes.has('approve')) return forbidden('an answer needs the scope approve');
  if (isOwn && face !== 'cli' && !settings.selfApproval) return forbidden('nobody answers their own question here');
  return GRANTED;
}
