/**
 * What is said about one program before its first instruction: the facts, what was decided, and the question when a
 * person must decide. Every fact is collected by the host; none is the program's own word.
 */
import type { PrincipalId, QuestionId, SessionId } from './ids.ts';

/** Where a decision comes from: a rule file and its line, or a built-in judgement, for example `heuristic`. */
export interface RuleHit {
  readonly source: string;
  readonly line: number | null;
  readonly justification: string | null;
}

/** One name under which a program was asked for: the path as given, each link on the way, the file itself last. */
export interface ProgramName {
  /** absolute, as seen inside the sandbox */
  readonly path: string;
  /** the sandbox could have made this name itself */
  readonly writable: boolean;
}

/** What the kernel starts for a script. */
export interface Interpreter extends ProgramName {
  /** as the first line of the script names it; `path` is canonical */
  readonly written?: string;
  /** all that follows on that line, which the kernel passes as one word */
  readonly argument?: string | null | undefined;
  /** under which it was found, as for a program; the file itself last */
  readonly names?: readonly ProgramName[];
}

/** `memfd` and `deleted` have no name in any directory. */
export type ImageKind = 'file' | 'memfd' | 'deleted';

export interface ExecFacts {
  /** the file that will run, canonical, as seen inside; for a script the script */
  readonly file: string;
  readonly names: readonly ProgramName[];
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly image: {
    readonly kind: ImageKind;
    readonly device: number;
    readonly inode: number;
    /** in `bytes` */
    readonly size: number;
  };
  /** canonical interpreters of a script, in the order in which the kernel finds them */
  readonly interpreters: readonly Interpreter[];
  /** process that asks, as the host numbers it */
  readonly pid: number;
}

/** `once` this process; `session` also the same file and arguments of the same caller until the box ends; `always` a rule. */
export const QUESTION_ANSWERS = ['once', 'session', 'always', 'deny'] as const;
export type QuestionAnswer = (typeof QUESTION_ANSWERS)[number];

/** A program that waits for a person. It is held by the kernel until it is answered, expires or is killed. */
export interface ExecQuestion {
  readonly id: QuestionId;
  readonly session: SessionId;
  readonly owner: PrincipalId;
  /** ms since the epoch */
  readonly askedAt: number;
  readonly expiresAt: number;
  readonly facts: {
    readonly file: string;
    readonly argv: readonly string[];
    readonly cwd: string;
    /** of the file's content, hexadecimal */
    readonly sha256: string;
    readonly interpreters: readonly string[];
    readonly rule: RuleHit | null;
    /** why a person is asked, one sentence */
    readonly reason: string;
    /** what a yes means: `sandbox` goes on inside, `outside` runs without the sandbox */
    readonly runs: 'sandbox' | 'outside';
    readonly profile: string;
    readonly mayWrite: readonly string[];
    readonly network: 'none' | 'rules' | 'all';
  };
  /** SHA-256 over the facts: the exact content that a yes is about */
  readonly bindsTo: string;
  /** the prefix that `always` would write as a rule; null: no such rule may be offered */
  readonly proposal: readonly string[] | null;
}

/** One program that was not run. */
export interface DeniedExec {
  readonly file: string;
  readonly argv: readonly string[];
  readonly rule: RuleHit | null;
  readonly reason: string;
}

export const EXEC_DECISIONS = ['run', 'deny', 'escalate'] as const;
export type ExecDecision = (typeof EXEC_DECISIONS)[number];

/** One line of the box's log of programs, in the order in which they were decided. */
export interface ExecEntry {
  /** from 1, without gaps, across restarts of the box */
  readonly number: number;
  /** ms since the epoch */
  readonly at: number;
  readonly session: SessionId;
  readonly owner: PrincipalId;
  readonly what:
    | {
        readonly kind: 'exec';
        readonly file: string;
        readonly argv: readonly string[];
        readonly cwd: string;
        readonly pid: number;
        readonly decision: ExecDecision;
        readonly rule: RuleHit | null;
        /** `rule`, `heuristic`, `default` (nothing matched), `person`, `expired`, `guard` (a fault: always a refusal) */
        readonly by: 'rule' | 'heuristic' | 'default' | 'person' | 'expired' | 'guard';
        readonly reason: string | null;
        readonly question: QuestionId | null;
      }
    /** a program that ran outside has ended */
    | {
        readonly kind: 'escalated-end';
        readonly pid: number;
        /** pid of the process that asked for it: the one of its decision */
        readonly asker: number;
        readonly file: string;
        readonly code: number;
        readonly durationMs: number;
      }
    | {
        readonly kind: 'egress';
        readonly protocol: 'http' | 'https' | 'socks5';
        readonly host: string;
        readonly port: number;
        readonly address: string | null;
        readonly decision: 'allow' | 'refuse';
        readonly rule: RuleHit | null;
        readonly reason: string | null;
      }
    /** entries that the quota dropped while no server fetched them */
    | { readonly kind: 'dropped'; readonly count: number };
}
