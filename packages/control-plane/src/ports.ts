/** The shapes that doors, providers and stores meet at. No SQL, no HTTP, no MCP: the provider does not know the era. */
import type { Signal } from '@agentbox/base';
import type {
  AuditEntry,
  AuditRecord,
  CallId,
  Detail,
  ErrorCode,
  PrincipalId,
  ProviderId,
  Question,
  QuestionDelivery,
  QuestionId,
  QuestionReply,
  QuestionState,
  SandboxWish,
  Scope,
  SessionId,
  TraceId,
} from '@agentbox/protocol';

export interface Principal {
  readonly id: PrincipalId;
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** JSON Schema 2020-12, as it goes over the wire. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** All four hints on every tool: a client that finds one missing must assume the worst. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

export interface ToolDefinition {
  /** snake_case, at most 40 characters, without the configured prefix */
  readonly name: string;
  readonly title: string;
  /** written for the model: begins with what it is for ("Use this when ...") */
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly outputSchema: JsonSchema | null;
  readonly annotations: ToolAnnotations;
  readonly scopes: readonly Scope[];
  readonly meta: Readonly<Record<string, unknown>> | null;
  /** long work that a client may follow as a task; without it the answer is always the call's own */
  readonly background?: BackgroundWork;
  /** its answers are worth no more than arguments: they are taken without a question before them */
  readonly takesUnaskedAnswers?: boolean;
}

export interface BackgroundWork {
  /** `required`: a client that cannot follow a task is refused */
  readonly use: 'optional' | 'required';
  /** its questions come before the long work: they are asked in the call, and the task begins with the answers */
  readonly asksFirst: boolean;
}

export type ContentBlock =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image' | 'audio'; readonly data: string; readonly mimeType: string }
  | {
      readonly type: 'resource_link';
      readonly uri: string;
      readonly name: string;
      readonly mimeType?: string;
      readonly size?: number;
    }
  | { readonly type: 'resource'; readonly resource: Readonly<Record<string, unknown>> };

/** What the model gets. `structured` holds everything it needs: some clients show it nothing else. */
export interface ToolResult {
  readonly content: readonly ContentBlock[];
  readonly structured: Readonly<Record<string, unknown>> | null;
}

export interface RuleRef {
  readonly source: string;
  readonly line: number | null;
}

export type ToolOutcome =
  /** also a command that failed: exit codes are results */
  | { readonly kind: 'done'; readonly result: ToolResult }
  /** goes on; poll by handle, or as a protocol task */
  | { readonly kind: 'running'; readonly session: SessionId; readonly partial: ToolResult }
  /** the caller must answer first; the same call comes again with the answers and `state` */
  | {
      readonly kind: 'needs-input';
      readonly requests: InputRequests;
      readonly state: string;
      /** aborted when the answer came another way: a pushed request is taken back, and the call comes again without answers */
      readonly answeredElsewhere?: AbortSignal;
      /** what the answers do is done once however often they come: they are taken after a restart as well */
      readonly outlivesServer?: boolean;
    }
  | { readonly kind: 'refused'; readonly by: RuleRef; readonly reason: string; readonly next: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly detail: Detail };

/** MCP input requests by key, for example an elicitation. */
export type InputRequests = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface ToolCall {
  readonly id: CallId;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** the answers to an earlier `needs-input`, with the state it carried */
  readonly answers: CallAnswers | null;
}

export interface CallAnswers {
  readonly responses: Readonly<Record<string, unknown>>;
  readonly state: string;
  /** the client answers nothing more: whatever is asked now stays unanswered */
  readonly isLast?: boolean;
}

export interface Progress {
  readonly progress: number;
  readonly total: number | null;
  readonly message: string;
}

/** From the least to the most severe; the client chooses the least that it wants to hear. */
export type LogLevel = 'debug' | 'info' | 'notice' | 'warning' | 'error' | 'critical' | 'alert' | 'emergency';

/** A word to the client about the call that runs: never a secret, never what the answer needs. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
}

export interface ClientCapabilities {
  readonly name: string;
  readonly version: string;
  readonly elicitation: { readonly form: boolean; readonly url: boolean };
  readonly sampling: boolean;
  readonly roots: boolean;
  readonly tasks: boolean;
}

/** What a client wants its commands held to: read at the door, and granted only within the operator's ceiling. */
export interface ClientSandboxState {
  /** `session`: until its next update; `call`: of this call alone */
  readonly from: 'session' | 'call';
  /** for the record: names of policies, never a path or another value of the client */
  readonly facts: Readonly<Record<string, string | boolean>>;
  readonly wish: SandboxWish;
}

export interface CallContext {
  readonly principal: Principal;
  readonly client: ClientCapabilities;
  /** null when the client said nothing of a sandbox */
  readonly sandboxState: ClientSandboxState | null;
  /** aborted with reason `cancelled` when the client cancels, `disconnected` when it goes away */
  readonly signal: AbortSignal;
  readonly trace: TraceId;
  progress(progress: Progress): void;
  /** absent where no client listens */
  readonly log?: (entry: LogEntry) => void;
  /** lets go of the caller's connection where the answer can be fetched later; absent where it cannot */
  readonly releaseConnection?: () => void;
}

/** A source of tools. `list` is a view of a precomputed table: never I/O. */
export interface ToolProvider {
  readonly id: ProviderId;
  list(caller: Principal): readonly ToolDefinition[];
  call(call: ToolCall, context: CallContext): Promise<ToolOutcome>;
  /**
   * names of top-level arguments whose values may not be recorded, for example what is typed where nothing is echoed;
   * a tool whose argument is always a secret names it in `meta.redactArguments` instead
   */
  secretArguments?(call: ToolCall, context: CallContext): Promise<readonly string[]>;
  readonly changed: Signal<ProviderId>;
}

export interface ResourceDefinition {
  readonly uri: string;
  readonly name: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly mimeType: string | null;
  readonly size: number | null;
}

/** A source of resources behind one URI scheme. */
export interface ResourceProvider {
  readonly scheme: string;
  list(caller: Principal): Promise<readonly ResourceDefinition[]>;
  /** null when there is no such resource for this caller */
  read(uri: string, caller: Principal): Promise<readonly Readonly<Record<string, unknown>>[] | null>;
  /** a URI whose content changed, or the scheme followed by `:` when the list did */
  readonly changed: Signal<string>;
  /** URI templates (RFC 6570) of the resources that no list can hold */
  readonly templates?: (caller: Principal) => readonly ResourceTemplate[];
}

export interface ResourceTemplate {
  readonly uriTemplate: string;
  readonly name: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly mimeType: string | null;
}

export interface PromptArgument {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
}

export interface PromptDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly arguments: readonly PromptArgument[];
}

export interface PromptMessage {
  readonly role: 'user' | 'assistant';
  readonly content: ContentBlock;
}

export type PromptOutcome =
  | { readonly kind: 'done'; readonly description: string; readonly messages: readonly PromptMessage[] }
  /** as in a tool's outcome: the same request comes again with the answers and `state` */
  | { readonly kind: 'needs-input'; readonly requests: InputRequests; readonly state: string };

export interface PromptRequest {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly answers: ToolCall['answers'];
}

/** A source of prompts, and of completions for their arguments. */
export interface PromptProvider {
  list(caller: Principal): readonly PromptDefinition[];
  /** null when there is no such prompt for this caller */
  get(request: PromptRequest, caller: Principal): Promise<PromptOutcome | null>;
  /** values that begin with what was typed, best first */
  complete(prompt: string, argument: string, typed: string, caller: Principal): Promise<readonly string[]>;
  readonly changed: Signal<void>;
}

/** Appends to the record in order and durably; rejects when it cannot, and then nothing may happen. */
export interface AuditLog {
  append(entry: AuditEntry): Promise<{ readonly seq: number }>;
  read(from: number, limit: number): Promise<readonly AuditRecord[]>;
  /** the last `count` records, oldest first */
  last(count: number): Promise<readonly AuditRecord[]>;
}

/** Where the record lies. `append` is all or nothing and durable when it settles. */
export interface AuditStore {
  append(records: readonly AuditRecord[]): Promise<void>;
  /** the last `count` records, oldest first */
  last(count: number): Promise<readonly AuditRecord[]>;
  /** at most `limit` records from number `from` on */
  read(from: number, limit: number): Promise<readonly AuditRecord[]>;
}

export interface TokenRecord {
  readonly id: string;
  readonly principal: PrincipalId;
  /** SHA-256 of the token, hexadecimal: the token itself is shown once and kept nowhere */
  readonly hash: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

export interface PrincipalRecord {
  readonly id: PrincipalId;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  readonly disabledAt: number | null;
}

export interface PrincipalStore {
  get(id: PrincipalId): Promise<PrincipalRecord | undefined>;
  list(): Promise<readonly PrincipalRecord[]>;
  put(record: PrincipalRecord): Promise<void>;
  findToken(hash: string): Promise<TokenRecord | undefined>;
  addToken(record: TokenRecord): Promise<void>;
  revokeTokens(principal: PrincipalId, at: number): Promise<number>;
  /** revokes every token of the principal and adds `record`, both or neither; answers how many were revoked */
  replaceTokens(record: TokenRecord, at: number): Promise<number>;
  /** newest first */
  listTokens(principal: PrincipalId): Promise<readonly TokenRecord[]>;
}

/** What the server remembers of a session that boxd runs: who asked, through what, when. */
export interface SessionRecord {
  readonly session: SessionId;
  readonly principal: PrincipalId;
  readonly tool: string;
  readonly command: string;
  readonly cwd: string;
  readonly openedAt: number;
  readonly closedAt: number | null;
  readonly exitCode: number | null;
}

export interface SessionStore {
  open(record: SessionRecord): Promise<void>;
  close(session: SessionId, at: number, exitCode: number | null): Promise<void>;
  list(principal: PrincipalId | null, limit: number): Promise<readonly SessionRecord[]>;
}

export interface QuestionFilter {
  /** null: every state */
  readonly state: QuestionState | null;
  /** null: whoever asked */
  readonly askedBy: PrincipalId | null;
  readonly limit: number;
}

/** Questions. Every change is one conditional update that is durable when it settles; false says it found no such row. */
export interface QuestionStore {
  /** false for an id that is known: its row stays as it is */
  add(question: Question): Promise<boolean>;
  get(id: QuestionId): Promise<Question | undefined>;
  /** newest first */
  list(filter: QuestionFilter): Promise<readonly Question[]>;
  /** only while it is open and its time is not over when the reply is given; its delivery is `unrecorded` then */
  answer(id: QuestionId, reply: QuestionReply): Promise<boolean>;
  /** the end of what nobody answered: only while it is open; its delivery is `unrecorded` then */
  end(id: QuestionId, state: 'expired' | 'withdrawn'): Promise<boolean>;
  /** only from the step that was seen */
  deliver(id: QuestionId, from: QuestionDelivery, to: QuestionDelivery): Promise<boolean>;
  /** outcomes that the record or the box has not heard of, oldest first */
  undelivered(limit: number): Promise<readonly Question[]>;
}

/** Every store, opened and closed together. */
export interface Stores extends AsyncDisposable {
  readonly audit: AuditLog;
  readonly principals: PrincipalStore;
  readonly sessions: SessionStore;
  readonly questions: QuestionStore;
}

/** A tool as callers see it: the wire name carries the configured prefix; calls accept it with and without. */
export interface CatalogTool {
  readonly wireName: string;
  readonly definition: ToolDefinition;
  readonly provider: ToolProvider;
}

/** Every provider's tools as one precomputed table, rebuilt only when a provider says that it changed. */
export interface Catalog {
  /** in the order of the wire names */
  list(caller: Principal): readonly CatalogTool[];
  find(name: string, caller: Principal): CatalogTool | undefined;
  /** grows by one with each rebuild: what was derived from an older one is stale */
  readonly version: number;
  readonly changed: Signal<number>;
}

export interface CallRequest {
  readonly tool: string;
  readonly arguments: unknown;
  readonly answers: ToolCall['answers'];
  readonly principal: Principal;
  readonly client: ClientCapabilities;
  readonly sandboxState: ClientSandboxState | null;
  readonly signal: AbortSignal;
  readonly trace: TraceId;
  progress(progress: Progress): void;
  readonly log?: (entry: LogEntry) => void;
  readonly releaseConnection?: () => void;
}

/**
 * One call from the door to the answer: look-up, scopes, arguments, `call.started`, provider, redaction, size,
 * `call.finished`. Never throws: what goes wrong is an outcome.
 */
export interface CallPipeline {
  call(request: CallRequest): Promise<ToolOutcome>;
}

export interface SkillFile {
  /** relative to the folder of the skill */
  readonly path: string;
  /** in bytes */
  readonly size: number;
  readonly sha256: string;
  readonly mimeType: string;
}

export interface Skill {
  readonly name: string;
  readonly title: string;
  /** sanitised: no angle brackets, no control characters */
  readonly description: string;
  readonly tags: readonly string[];
  readonly root: string;
  /** absolute path of the folder */
  readonly directory: string;
  /** absolute path of SKILL.md */
  readonly instructionFile: string;
  readonly frontmatter: Readonly<Record<string, unknown>>;
  readonly files: readonly SkillFile[];
}

/** The skills of every root, kept current while files change. */
export interface SkillLibrary extends AsyncDisposable {
  list(): readonly Skill[];
  /** what keeps a folder from being a skill, for the model and the operator */
  problems(): readonly { readonly path: string; readonly problem: string }[];
  find(nameOrPath: string): Skill | undefined;
  /** throws AgentboxError SKILL_FILE_FORBIDDEN for a path that leaves the folder */
  readFile(skill: Skill, path: string, maxBytes: number): Promise<Uint8Array>;
  readonly changed: Signal<void>;
}
