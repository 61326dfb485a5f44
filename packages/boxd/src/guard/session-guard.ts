/**
 * The guard of one session: asks the policy about each program that the warden holds, and a person where the policy
 * says so. Whatever goes wrong on the way is a refusal. What is refused or let out is on disk before it takes effect.
 */
import { createHash } from 'node:crypto';
import { unreachable } from '@agentbox/base';
import type { GuardDecision } from '@agentbox/exec-guard';
import {
  AgentboxError,
  type DeniedExec,
  type ExecEntry,
  type ExecFacts,
  type ExecQuestion,
  type PrincipalId,
  type RuleHit,
  type SandboxProfile,
  type SessionId,
} from '@agentbox/protocol';
import type { ExecPolicy, Verdict } from '../policy/index.ts';
import type { ExecLog } from './exec-log.ts';
import { HeldTime } from './held-time.ts';
import { hashImage } from './image-hash.ts';
import type { Answered, Questions } from './questions.ts';

export interface SessionGuardParts {
  readonly session: SessionId;
  readonly owner: PrincipalId;
  readonly profile: SandboxProfile;
  /** the rules in force when it is asked */
  readonly policy: () => ExecPolicy;
  readonly questions: Questions;
  readonly log: ExecLog;
  /** whether the command itself asks for the program, not something that it started */
  readonly isDirect: (pid: number) => boolean;
  /** directories that stand for others inside: HOME and /tmp */
  readonly privatePlaces: readonly string[];
  /** the environment that a program outside the sandbox begins with */
  readonly environment: Readonly<Record<string, string>>;
}

/** refusals of one session that are told to the model; the log has all of them */
const DENIED_TOLD = 500;
const DEFAULT_DENIAL = 'Execution forbidden by policy';

type By = Extract<ExecEntry['what'], { kind: 'exec' }>['by'];

interface Cause {
  readonly by: By;
  readonly rule: RuleHit | null;
  readonly reason: string | null;
  readonly question: ExecQuestion['id'] | null;
}

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text);

/** A yes is for all that it was asked about: what nobody can look through is not asked. */
const SHOWN_WORDS = 512;
const SHOWN_CHARS = 16_384;

const isShowable = ({ argv }: ExecFacts): boolean =>
  argv.length <= SHOWN_WORDS && argv.reduce((sum, word) => sum + word.length, 0) <= SHOWN_CHARS;

export class SessionGuard {
  readonly #parts: SessionGuardParts;
  readonly #held = new HeldTime();
  readonly #denied: DeniedExec[] = [];
  /** programs outside, by their own pid */
  readonly #outside = new Map<number, { readonly asker: number; readonly file: string }>();

  constructor(parts: SessionGuardParts) {
    this.#parts = parts;
  }

  get questions(): readonly ExecQuestion[] {
    return this.#parts.questions.openOf(this.#parts.session);
  }

  get denied(): readonly DeniedExec[] {
    return this.#denied;
  }

  get heldMs(): number {
    return this.#held.ms;
  }

  /** A program that the warden let run by itself, because no rule can speak of it. */
  ran(facts: Pick<ExecFacts, 'file' | 'argv' | 'cwd' | 'pid'>): void {
    this.#write(facts, 'run', { by: 'default', rule: null, reason: null, question: null });
  }

  /** The warden refused or ended it by itself. */
  refused(facts: Pick<ExecFacts, 'file' | 'argv' | 'cwd' | 'pid'>, reason: string): void {
    this.#deny(facts, { by: 'guard', rule: null, reason, question: null });
  }

  escalated({ pid: asker, file }: ExecFacts, pid: number): void {
    this.#outside.set(pid, { asker, file });
  }

  escalatedEnded(end: { readonly pid: number; readonly code: number; readonly durationMs: number }): void {
    const { session, owner, log } = this.#parts;
    const { asker = 0, file = '' } = this.#outside.get(end.pid) ?? {};
    this.#outside.delete(end.pid);
    log.append({ at: Date.now(), session, owner, what: { kind: 'escalated-end', asker, file, ...end } });
  }

  /** Answers in the same turn unless a person is asked: each turn is time that the program waits. */
  decide(facts: ExecFacts, signal: AbortSignal): GuardDecision | Promise<GuardDecision> {
    const { policy, profile } = this.#parts;
    const verdict = policy().decide(facts, { noExecFromWritable: profile.noExecFromWritable });
    switch (verdict.kind) {
      case 'run':
        this.#write(facts, 'run', { by: verdict.by, rule: verdict.rule, reason: verdict.reason, question: null });
        return { kind: 'run' };
      case 'deny':
        return this.#refuse(facts, { by: verdict.by, rule: verdict.rule, reason: verdict.text, question: null });
      case 'escalate':
        return this.#escalate(facts, verdict.rule);
      case 'ask':
        if (verdict.by === 'heuristic' && !this.#parts.isDirect(facts.pid)) return this.#runDeep(facts, verdict.reason);
        return this.#ask(facts, verdict, signal);
      default:
        return unreachable(verdict);
    }
  }

  /**
   * What looks dangerous is asked about where the caller's own command line starts it. Deeper down it is what scripts
   * and builds are made of, and the sandbox holds it.
   */
  #runDeep(facts: ExecFacts, reason: string): GuardDecision {
    this.#write(facts, 'run', { by: 'default', rule: null, reason, question: null });
    return { kind: 'run' };
  }

  /** From a directory that only the sandbox has, nothing can run outside: what a rule lets out goes on inside. */
  #escalate(facts: ExecFacts, rule: RuleHit): GuardDecision {
    if (!this.#isPrivate(facts.cwd)) return this.#letOut(facts, { by: 'rule', rule, reason: null, question: null });
    const reason = `${facts.cwd} is a directory of the sandbox alone: it ran inside`;
    this.#write(facts, 'run', { by: 'rule', rule, reason, question: null });
    return { kind: 'run' };
  }

  #isPrivate(cwd: string): boolean {
    const { profile, privatePlaces } = this.#parts;
    const isBelow = (place: string): boolean => cwd === place || cwd.startsWith(`${place}/`);
    return privatePlaces.some(isBelow) && ![...profile.writable, ...profile.readable].some(isBelow);
  }

  async #ask(facts: ExecFacts, verdict: Verdict & { kind: 'ask' }, signal: AbortSignal): Promise<GuardDecision> {
    if (!isShowable(facts)) {
      const reason = 'Its arguments are too long to be shown to a person';
      return this.#refuse(facts, { by: 'guard', rule: verdict.rule, reason, question: null });
    }
    this.#held.begin();
    try {
      const answer = await this.#parts.questions.ask(await this.#draft(facts, verdict), signal);
      return this.#take(facts, verdict, answer);
    } finally {
      this.#held.end();
    }
  }

  #take(facts: ExecFacts, verdict: Verdict & { kind: 'ask' }, answer: Answered): GuardDecision {
    const { rule } = verdict;
    switch (answer.kind) {
      case 'crowded':
        return this.#refuse(facts, { by: 'guard', rule, reason: 'Too many questions wait already', question: null });
      case 'gone':
        return this.#refuse(facts, {
          by: 'guard',
          rule,
          reason: 'It was interrupted before an answer',
          question: answer.question.id,
        });
      case 'expired': {
        const reason = 'Nobody answered in time';
        return this.#refuse(facts, { by: 'expired', rule, reason, question: answer.question.id });
      }
      case 'answered': {
        const question = answer.question?.id ?? null;
        if (answer.decision === 'deny') {
          const reason = answer.note ?? 'User declined execution';
          return this.#refuse(facts, { by: 'person', rule, reason, question });
        }
        const cause: Cause = { by: 'person', rule, reason: answer.note, question };
        if (verdict.runs === 'outside') return this.#letOut(facts, cause);
        return this.#recorded(facts, 'run', cause) ?? { kind: 'run' };
      }
      default:
        return unreachable(answer);
    }
  }

  async #draft(facts: ExecFacts, verdict: Verdict & { kind: 'ask' }) {
    const { session, owner, profile } = this.#parts;
    const sha256 = await hashImage(facts);
    const { file, argv, cwd } = facts;
    const outside = verdict.runs === 'outside';
    const told = {
      file,
      argv,
      cwd,
      sha256,
      interpreters: facts.interpreters.map(({ path }) => path),
      rule: verdict.rule,
      reason: verdict.reason,
      runs: verdict.runs,
      profile: profile.name,
      mayWrite: outside ? ['/'] : profile.writable,
      network: outside ? ('all' as const) : profile.network,
    };
    const bound = JSON.stringify([file, argv, cwd, sha256, facts.image.device, facts.image.inode, verdict.runs]);
    const bindsTo = createHash('sha256').update(bound).digest('hex');
    return { session, owner, facts: told, bindsTo, proposal: verdict.proposal };
  }

  #letOut(facts: ExecFacts, cause: Cause): GuardDecision {
    return this.#recorded(facts, 'escalate', cause) ?? { kind: 'escalate', environment: this.#parts.environment };
  }

  #refuse(facts: ExecFacts, cause: Cause): GuardDecision {
    this.#deny(facts, cause);
    return { kind: 'deny', text: cause.reason ?? DEFAULT_DENIAL };
  }

  #deny(facts: Pick<ExecFacts, 'file' | 'argv' | 'cwd' | 'pid'>, cause: Cause): void {
    const { file, argv } = facts;
    const reason = cause.reason ?? DEFAULT_DENIAL;
    if (this.#denied.length < DENIED_TOLD) {
      const told = argv.slice(0, 64).map((word) => cut(word, 1024));
      this.#denied.push({ file, argv: told, rule: cause.rule, reason });
    }
    this.#write(facts, 'deny', { ...cause, reason });
  }

  /** null when it is on disk; else the refusal that takes its place. */
  #recorded(facts: ExecFacts, decision: 'run' | 'escalate', cause: Cause): GuardDecision | null {
    this.#write(facts, decision, cause);
    try {
      this.#parts.log.flush();
      return null;
    } catch (fault) {
      const why = fault instanceof AgentboxError ? fault.message : 'the log of programs failed';
      return this.#refuse(facts, { ...cause, by: 'guard', reason: `It could not be recorded: ${why}` });
    }
  }

  #write(
    { file, argv, cwd, pid }: Pick<ExecFacts, 'file' | 'argv' | 'cwd' | 'pid'>,
    decision: 'run' | 'deny' | 'escalate',
    cause: Cause,
  ): void {
    const { session, owner, log } = this.#parts;
    log.append({ at: Date.now(), session, owner, what: { kind: 'exec', file, argv, cwd, pid, decision, ...cause } });
  }
}
