/**
 * One call from the door to the answer. Never throws: what goes wrong is an outcome. Nothing runs before its
 * `call.started` is durable, and a call that ran is never run again.
 */
import type { Redactor } from '@agentbox/base';
import { AgentboxError, type AuditEntry, type CallId, newCallId } from '@agentbox/protocol';
import type { Clock, ReportFault } from '../clock.ts';
import type {
  AuditLog,
  CallContext,
  CallPipeline,
  CallRequest,
  Catalog,
  CatalogTool,
  ToolCall,
  ToolOutcome,
} from '../ports.ts';
import { Admission } from './admission.ts';
import { parseArguments } from './arguments.ts';
import { CALL_LIMITS, type CallLimits } from './limits.ts';
import { failed, missingScopes, outcomeOfThrown, redactOutcome } from './outcomes.ts';
import { OwedRecords } from './owed-records.ts';
import { argumentFacts, callEntry, declaredSecrets, outcomeFacts, recordedOutcome, sandboxFacts } from './record.ts';
import { type KeepWhole, shapeOutcome } from './shape.ts';

export interface CallPipelineOptions {
  readonly catalog: Catalog;
  readonly audit: AuditLog;
  /** asked anew for every call, so that a secret added meanwhile counts */
  readonly redactor: () => Redactor;
  readonly clock: Clock;
  readonly reportFault: ReportFault;
  readonly limits?: Partial<CallLimits>;
  readonly newCallId?: () => CallId;
  /** makes the link to the whole of a result that was cut */
  readonly keepWhole?: KeepWhole;
}

export interface ObservedCallPipeline extends CallPipeline {
  /** calls that run now */
  readonly running: number;
}

export function createCallPipeline(options: CallPipelineOptions): ObservedCallPipeline {
  return new Pipeline(options);
}

/** A call that passed look-up, scopes and arguments. */
interface Admitted {
  readonly request: CallRequest;
  readonly tool: CatalogTool;
  readonly call: ToolCall;
  readonly json: string;
  readonly redactor: Redactor;
  readonly startedAt: number;
}

class Pipeline implements ObservedCallPipeline {
  readonly #options: CallPipelineOptions;
  readonly #limits: CallLimits;
  readonly #admission: Admission;
  readonly #owed: OwedRecords;

  constructor(options: CallPipelineOptions) {
    this.#options = options;
    this.#limits = { ...CALL_LIMITS, ...options.limits };
    this.#admission = new Admission(this.#limits);
    this.#owed = new OwedRecords(options.audit, this.#limits.owedRecords);
  }

  get running(): number {
    return this.#admission.running;
  }

  async call(request: CallRequest): Promise<ToolOutcome> {
    const leave = this.#admission.enter(request.principal.id);
    if (typeof leave !== 'function') return this.#refuse(request, failed('OVERLOADED', leave.full));
    try {
      const admitted = this.#admit(request);
      if ('kind' in admitted) return await this.#refuse(request, admitted);
      return (await this.#recordStart(admitted)) ?? (await this.#perform(admitted));
    } catch (fault) {
      this.#options.reportFault('the call pipeline failed', { tool: request.tool, trace: request.trace }, fault);
      return outcomeOfThrown(fault, false, request.trace);
    } finally {
      leave();
    }
  }

  /** decides; nothing has happened yet */
  #admit(request: CallRequest): Admitted | Extract<ToolOutcome, { kind: 'failed' }> {
    const tool = this.#options.catalog.find(request.tool, request.principal);
    if (tool === undefined) {
      return failed('TOOL_NOT_FOUND', `there is no tool ${JSON.stringify(request.tool.slice(0, 64))}`);
    }
    const missing = missingScopes(tool.definition.scopes, request.principal);
    if (missing.length > 0) {
      const needed = tool.definition.scopes.join(' ');
      return failed('INSUFFICIENT_SCOPE', `${tool.wireName} needs the scopes: ${needed}`, {
        required: tool.definition.scopes,
        missing,
      });
    }
    const parsed = parseArguments(request.arguments, this.#limits);
    if (parsed.kind === 'invalid') return failed('INVALID_ARGUMENTS', `${tool.wireName}: ${parsed.why}`);
    const id = (this.#options.newCallId ?? newCallId)();
    return {
      request,
      tool,
      call: { id, tool: tool.definition.name, arguments: parsed.value, answers: request.answers },
      json: parsed.json,
      redactor: this.#options.redactor(),
      startedAt: this.#options.clock(),
    };
  }

  /** the outcome stands even when the refusal cannot be recorded: nothing ran */
  async #refuse(request: CallRequest, outcome: Extract<ToolOutcome, { kind: 'failed' }>): Promise<ToolOutcome> {
    const entry = callEntry('call.refused', request, this.#options.clock(), {
      subject: request.tool.slice(0, 64),
      outcome: 'refused',
      detail: { code: outcome.code },
    });
    await this.#options.audit.append(entry).catch((fault: unknown) => {
      this.#options.reportFault('a refused call was not recorded', { code: outcome.code, trace: request.trace }, fault);
    });
    return outcome;
  }

  /** null when it is on the record and may run */
  async #recordStart(admitted: Admitted): Promise<ToolOutcome | null> {
    const { request, tool, call, json, redactor, startedAt } = admitted;
    const secret = await this.#secretArguments(admitted);
    const entry = callEntry('call.started', request, startedAt, {
      subject: tool.wireName,
      outcome: null,
      detail: {
        call: call.id,
        provider: tool.provider.id,
        client: redactor.text(`${request.client.name} ${request.client.version}`.slice(0, 128)),
        answered: request.answers !== null,
        ...sandboxFacts(request),
        arguments: argumentFacts({ value: call.arguments, json }, secret, redactor, this.#limits),
      },
    });
    try {
      await this.#owed.settle();
      await this.#options.audit.append(entry);
      return null;
    } catch (fault) {
      const cause = fault instanceof AgentboxError ? fault.code : 'INTERNAL';
      this.#options.reportFault('a call was not recorded and did not run', { trace: request.trace, cause }, fault);
      const code = cause === 'OVERLOADED' ? 'OVERLOADED' : 'AUDIT_UNAVAILABLE';
      return failed(code, 'the call could not be recorded, so nothing was run', { cause });
    }
  }

  /** null withholds every argument: a provider that cannot tell must not leak */
  async #secretArguments({ tool, call, request, redactor }: Admitted): Promise<readonly string[] | null> {
    const declared = declaredSecrets(tool);
    if (tool.provider.secretArguments === undefined) return declared;
    try {
      return [...declared, ...(await tool.provider.secretArguments(call, contextOf(request, redactor)))];
    } catch (fault) {
      this.#options.reportFault('secret arguments are unknown', { tool: tool.wireName, trace: request.trace }, fault);
      return null;
    }
  }

  async #perform(admitted: Admitted): Promise<ToolOutcome> {
    const outcome = this.#present(await this.#runProvider(admitted), admitted);
    await this.#recordFinish(admitted, outcome);
    return outcome;
  }

  /** what may be shown of an outcome; one that cannot be walked is not shown at all, and still recorded */
  #present(raw: ToolOutcome, { request, tool, redactor }: Admitted): ToolOutcome {
    try {
      const shaped = shapeOutcome(redactOutcome(raw, redactor), this.#limits, this.#options.keepWhole ?? (() => null));
      return shaped.kind === 'too-long' ? failed('INTERNAL', `the result has ${shaped.chars} characters`) : shaped;
    } catch (fault) {
      this.#options.reportFault('a result was not presentable', { tool: tool.wireName, trace: request.trace }, fault);
      return outcomeOfThrown(fault, false, request.trace);
    }
  }

  async #runProvider({ request, tool, call, redactor }: Admitted): Promise<ToolOutcome> {
    // With answers it has begun, and what it began must hear of the end.
    if (request.signal.aborted && request.answers === null)
      return failed('CANCELLED', 'the call was cancelled before it began');
    try {
      return await tool.provider.call(call, contextOf(request, redactor));
    } catch (thrown) {
      const outcome = outcomeOfThrown(thrown, request.signal.aborted, request.trace);
      if (outcome.code === 'INTERNAL') {
        this.#options.reportFault('a tool threw', { tool: tool.wireName, trace: request.trace }, thrown);
      }
      return outcome;
    }
  }

  /** The effect happened, so the caller gets its answer; the record that is owed keeps the next call from starting. */
  async #recordFinish({ request, tool, call, startedAt }: Admitted, outcome: ToolOutcome): Promise<void> {
    const at = this.#options.clock();
    const entry: AuditEntry = callEntry('call.finished', request, at, {
      subject: tool.wireName,
      outcome: recordedOutcome(outcome),
      detail: { call: call.id, duration_ms: at - startedAt, ...outcomeFacts(outcome) },
    });
    try {
      await this.#options.audit.append(entry);
    } catch (fault) {
      const kept = this.#owed.add(entry);
      this.#options.reportFault(
        'the end of a call was not recorded',
        { trace: request.trace, call: call.id, kept },
        fault,
      );
    }
  }
}

/** Only what a provider may know of the request; what it says on the way is redacted like its answer. */
function contextOf(request: CallRequest, redactor: Redactor): CallContext {
  const { principal, client, sandboxState, signal, trace, log, releaseConnection } = request;
  return {
    principal,
    client,
    sandboxState,
    signal,
    trace,
    progress: (progress) => request.progress(redactor.data(progress)),
    ...(log === undefined ? {} : { log: (entry) => log(redactor.data(entry)) }),
    ...(releaseConnection === undefined ? {} : { releaseConnection }),
  };
}
