/**
 * What is said between the server and a box daemon. boxd is the truth about processes and output; the server is the
 * truth about who, why and what was decided. Offsets count the bytes a session has printed since it began.
 */
import type { Detail, ErrorCode } from './errors.ts';
import type { DeniedExec, ExecEntry, ExecQuestion, QuestionAnswer } from './guard.ts';
import type { PrincipalId, QuestionId, SessionId } from './ids.ts';
import type { MachineMeans, ProfileName, SandboxProfile } from './sandbox.ts';

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** Where the three standard descriptors lead. `stdin: false` is /dev/null. */
export type SpawnIo =
  | { readonly kind: 'pipe'; readonly stdin: boolean; readonly stderr: 'merged' | 'separate' }
  | { readonly kind: 'tty'; readonly size: TerminalSize };

export interface SpawnRequest {
  /** chosen by the caller: also the idempotency key, so that a repeated spawn answers with the first one's facts */
  readonly session: SessionId;
  readonly owner: PrincipalId;
  /** a shell command line, or a program with its arguments */
  readonly command:
    | { readonly kind: 'shell'; readonly text: string; readonly shell: string | null; readonly login: boolean }
    | { readonly kind: 'argv'; readonly argv: readonly string[] };
  /** absolute path */
  readonly cwd: string;
  /** laid over the box's allow-listed environment */
  readonly env: Readonly<Record<string, string>>;
  readonly io: SpawnIo;
  /** what becomes of processes that outlive the command itself */
  readonly onExit: 'keep' | 'kill';
  /** null: on the host, without a sandbox and without a guard */
  readonly profile: SandboxProfile | null;
}

export interface SpawnReply {
  readonly pid: number;
  /** ms since the epoch */
  readonly startedAt: number;
}

/** `signal` is the name of the signal that ended the process; `code` is then 128 + its number. */
export interface ExitStatus {
  readonly code: number;
  readonly signal: string | null;
  /** ms since the epoch */
  readonly at: number;
}

/** A process of the session that outlives its command. */
export interface BackgroundProcess {
  readonly pid: number;
  readonly command: string;
  readonly ports: readonly number[];
}

export type SessionState =
  | { readonly kind: 'running' }
  | { readonly kind: 'exited'; readonly exit: ExitStatus; readonly background: readonly BackgroundProcess[] }
  | { readonly kind: 'lost'; readonly cause: string };

/** The last line of output when a process of the session waits for input. `echo: false` asks for a secret. */
export interface AwaitingInput {
  readonly text: string;
  readonly echo: boolean;
}

export interface SessionInfo {
  readonly session: SessionId;
  readonly owner: PrincipalId;
  readonly command: string;
  readonly cwd: string;
  readonly io: SpawnIo;
  readonly profile: ProfileName;
  readonly pid: number;
  readonly startedAt: number;
  readonly state: SessionState;
  /** bytes printed so far */
  readonly written: number;
  /** what the reader should know: a full disk, a failing profile, ... */
  readonly notes: readonly string[];
  /** what the caller left here last; null when it never did, or the daemon that held it ended */
  readonly bookmark: string | null;
}

export interface CollectRequest {
  readonly session: SessionId;
  /** first byte wanted */
  readonly from: number;
  /** at most this many bytes from `from` on, and this many before the end, when not all of it fits */
  readonly headBytes: number;
  readonly tailBytes: number;
  /** answer when the command has ended, waits for input, or after this many ms */
  readonly waitMs: number;
  /** which of the two streams of a session with separate stderr; `output` is the merged or standard output */
  readonly stream: 'output' | 'stderr';
  /** answer as soon as a process of the session waits for input */
  readonly untilInput: boolean;
  /** with `untilInput`: only when something was printed from `from` on, because the caller knows of the prompt before */
  readonly untilOutput?: boolean;
  /** answer as soon as a question is open that is not among these; null waits on whatever is asked */
  readonly knownQuestions?: readonly QuestionId[] | null;
}

export interface CollectReply {
  readonly state: SessionState;
  /** offset of the first byte of `head`; larger than asked when the log dropped what came before */
  readonly from: number;
  /** offset after the last byte: the `from` of the next collect */
  readonly next: number;
  /** bytes between head and tail that this answer leaves out; they can be read with `read` unless `dropped` */
  readonly omitted: number;
  /** bytes of the asked range that the log's quota dropped for good */
  readonly dropped: number;
  /** line ends in the whole asked range */
  readonly newlines: number;
  readonly awaitingInput: AwaitingInput | null;
  /** the terminal takes whole lines and shows nothing of them: what is typed now is a secret */
  readonly silentInput: boolean;
  /** where the screen program that is drawing now began, or null outside the alternate screen */
  readonly screenFrom: number | null;
  readonly size: TerminalSize | null;
  /** programs of the session that wait for a person */
  readonly questions: readonly ExecQuestion[];
  /** programs of the session that were not run, the first of them */
  readonly denied: readonly DeniedExec[];
  /** ms since the start during which at least one question was open */
  readonly heldMs: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

export interface ReadRequest {
  readonly session: SessionId;
  readonly stream: 'output' | 'stderr';
  readonly from: number;
  readonly max: number;
}

export interface ReadReply {
  readonly from: number;
  readonly next: number;
  readonly written: number;
  readonly dropped: number;
  readonly bytes: Uint8Array;
}

export interface FindLineRequest {
  readonly session: SessionId;
  readonly stream: 'output' | 'stderr';
  /** from 1 */
  readonly line: number;
}

export interface FindLineReply {
  /** where `line` begins; the end of the output when fewer lines were printed */
  readonly offset: number;
  /** the line at `offset`: a later one than asked for when the quota dropped that */
  readonly line: number;
}

export interface SearchRequest {
  readonly session: SessionId;
  readonly stream: 'output' | 'stderr';
  /** JavaScript regular expression, matched line by line with a bound on its running time */
  readonly pattern: string;
  readonly from: number;
  readonly maxMatches: number;
}

export interface SearchReply {
  readonly matches: readonly { readonly offset: number; readonly line: number; readonly text: string }[];
  /** not everything was searched: too many matches, or no time left */
  readonly more: boolean;
  /** offset that the next search starts from */
  readonly next: number;
}

export interface WriteRequest {
  readonly session: SessionId;
  /** offset in the input already sent: makes a repeated write harmless; null appends */
  readonly at: number | null;
  readonly bytes: Uint8Array;
  /** close the input after the bytes */
  readonly eof: boolean;
}

export interface WriteReply {
  /** input bytes accepted since the session began */
  readonly accepted: number;
}

export interface KillReply {
  /** processes that were alive when the signal was sent */
  readonly signalled: number;
  /** processes still alive after the wait */
  readonly alive: number;
  readonly state: SessionState;
}

/** What changed in the box; `sequence` grows by one for each, so that a watcher can resume. */
export type BoxEvent =
  | { readonly kind: 'state'; readonly sequence: number; readonly session: SessionId; readonly state: SessionState }
  | { readonly kind: 'output'; readonly sequence: number; readonly session: SessionId; readonly written: number }
  /** every question of the session that is open */
  | {
      readonly kind: 'questions';
      readonly sequence: number;
      readonly session: SessionId;
      readonly open: readonly ExecQuestion[];
    }
  /** the log of programs has grown to this number */
  | { readonly kind: 'execs'; readonly sequence: number; readonly last: number }
  /** the rules in force are others than before */
  | { readonly kind: 'policy'; readonly sequence: number; readonly state: PolicyState };

export interface PatchRequest {
  readonly patch: string;
  readonly cwd: string;
  /** null: anywhere the user may write */
  readonly workspace: string | null;
  /** what a command of the same caller could write, or null: whatever the user may */
  readonly profile: SandboxProfile | null;
  readonly options: {
    readonly atomic: boolean;
    readonly strict: boolean;
    readonly clobber: boolean;
  };
}

export interface PatchReply {
  /** exactly what Codex's `apply_patch` prints and exits with, where ours need not differ */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly files: readonly {
    readonly path: string;
    readonly change: 'added' | 'modified' | 'deleted' | 'moved' | 'overwritten' | 'unchanged';
    readonly movedFrom: string | null;
    readonly added: number;
    readonly removed: number;
  }[];
  readonly notes: readonly string[];
  readonly failure: { readonly code: ErrorCode; readonly detail: Detail } | null;
}

/** A shell command that only applies a patch, a patch without the command, or anything else. */
export type PatchCommand =
  | { readonly kind: 'patch'; readonly patch: string; readonly workdir: string | null }
  | { readonly kind: 'bare' }
  | { readonly kind: 'other' };

export interface BoxFacts {
  readonly pid: number;
  readonly version: string;
  readonly hostname: string;
  readonly user: string;
  readonly home: string;
  readonly osRelease: string;
  readonly shell: string;
  /** how process trees are tracked */
  readonly tracking: 'cgroup2' | 'cgroup1' | 'procfs';
  readonly tools: readonly { readonly name: string; readonly path: string }[];
  /** what the box lacks or fell back from */
  readonly notes: readonly string[];
}

/** Where a box finds its rules, and what it does where they are silent. */
export interface PolicySettings {
  /** lowest precedence first; a directory that does not exist holds no rules */
  readonly sources: readonly { readonly directory: string; readonly layer: 'team' | 'user' | 'project' }[];
  /** where an answer for always is written */
  readonly amendFile: string;
  /** what becomes of a program that no rule and no heuristic speaks of */
  readonly unmatched: 'run' | 'ask' | 'deny';
  /** how long a question waits before it is a refusal, in `ms` */
  readonly questionMs: number;
  /** TCP ports of this product on this machine, which no sandbox may reach */
  readonly ownPorts: readonly number[];
  /** null: nothing runs in a sandbox here */
  readonly means: MachineMeans | null;
}

export interface PolicyState {
  readonly rules: number;
  readonly files: readonly string[];
  /** why a file or a rule does not count, with file, line and column */
  readonly problems: readonly string[];
}

export interface AnswerRequest {
  readonly question: QuestionId;
  /** what the question binds to: another content is another question */
  readonly bindsTo: string;
  readonly decision: QuestionAnswer;
  /** said to the program when it is refused */
  readonly note: string | null;
}

export interface AnswerReply {
  /** `gone`: who asked has ended, or the time was over */
  readonly state: 'taken' | 'gone';
  /** the rule that `always` wrote */
  readonly rule: { readonly file: string; readonly line: number; readonly text: string } | null;
}

/** Commands name a session and its owner: a foreign session answers exactly as an unknown one. */
export interface Box {
  facts(): Promise<BoxFacts>;
  spawn(request: SpawnRequest): Promise<SpawnReply>;
  collect(owner: PrincipalId, request: CollectRequest, signal?: AbortSignal): Promise<CollectReply>;
  read(owner: PrincipalId, request: ReadRequest): Promise<ReadReply>;
  search(owner: PrincipalId, request: SearchRequest): Promise<SearchReply>;
  findLine(owner: PrincipalId, request: FindLineRequest): Promise<FindLineReply>;
  write(owner: PrincipalId, request: WriteRequest): Promise<WriteReply>;
  resize(owner: PrincipalId, session: SessionId, size: TerminalSize): Promise<void>;
  /** sends `signal` to every process of the session and waits at most `waitMs` for them to end */
  kill(owner: PrincipalId, session: SessionId, signal: string, waitMs: number): Promise<KillReply>;
  /** sends `signal` to the foreground process group only: what Ctrl-C does */
  interrupt(owner: PrincipalId, session: SessionId, signal: string): Promise<void>;
  info(owner: PrincipalId, session: SessionId): Promise<SessionInfo>;
  /** keeps a text of at most 256 characters for a caller that may be restarted: how far it has read, in its own words */
  bookmark(owner: PrincipalId, session: SessionId, text: string): Promise<void>;
  /** `owner: null` lists everyone's: for the operator */
  list(owner: PrincipalId | null): Promise<readonly SessionInfo[]>;
  watch(from: number, listener: (event: BoxEvent) => void): Promise<{ readonly next: number; close(): void }>;
  applyPatch(request: PatchRequest): Promise<PatchReply>;
  /** what a shell command line says to apply_patch, without running anything */
  parsePatchCommand(command: string): Promise<PatchCommand>;
  /** said once after each connect; what runs already goes on under the rules that are then in force */
  configure(settings: PolicySettings): Promise<PolicyState>;
  answer(request: AnswerRequest): Promise<AnswerReply>;
  /** entries of the log of programs with numbers above `after`, in order */
  execs(after: number, max: number): Promise<{ readonly entries: readonly ExecEntry[]; readonly last: number }>;
  /** entries up to this number are kept elsewhere and may go */
  acknowledgeExecs(through: number): Promise<void>;
  /** regular files only, at most `maxBytes` */
  readFile(path: string, maxBytes: number): Promise<Uint8Array>;
  /** ends every session (TERM, then KILL) and the daemon itself */
  shutdown(): Promise<void>;
  close(): Promise<void>;
}
