/**
 * What the box holds for all guarded sessions together: the rules in force, the questions that wait, the log of
 * programs, and what this machine can hold. A session that cannot be guarded is refused before anything is started.
 */
import path from 'node:path';
import { locateWarden } from '@agentbox/exec-guard';
import {
  AgentboxError,
  type AnswerReply,
  type AnswerRequest,
  type Box,
  type PolicySettings,
  type PolicyState,
  type SandboxProfile,
  type SessionId,
  type SpawnRequest,
} from '@agentbox/protocol';
import type { Libc } from '../native/libc.ts';
import type { ExecPolicy } from '../policy/index.ts';
import { removeGroups } from '../process/limits.ts';
import type { Environment } from '../session/environment.ts';
import type { Start } from '../session/start.ts';
import { ExecLog } from './exec-log.ts';
import type { GuardListener } from './guarded-launch.ts';
import type { CommandFacts, Launcher } from './launcher.ts';
import { Questions } from './questions.ts';

export interface BoxGuardParts {
  readonly libc: Libc;
  /** the home of agentbox, which no sandbox may see */
  readonly home: string;
  /** names the groups of this daemon */
  readonly tagPrefix: string;
  /** the daemon's own allow-listed environment */
  readonly environment: Environment;
  readonly realHome: string;
  readonly onQuestions: (session: SessionId) => void;
  readonly onExecs: (last: number) => void;
  readonly onRules: (state: PolicyState) => void;
}

interface Configured {
  readonly settings: PolicySettings;
  /** null where nothing can be guarded: there no rule is asked */
  readonly policy: ExecPolicy | null;
}

const NO_RULES: PolicyState = { rules: 0, files: [], problems: [] };

/** What a session needs before it can be started under a profile. */
export interface GuardReady {
  launch(command: CommandFacts, listener: GuardListener): Start;
}

export class BoxGuard {
  readonly #parts: BoxGuardParts;
  readonly #log: ExecLog;
  readonly #questions: Questions;
  #launcher: Launcher | null = null;
  #configured: Configured | null = null;

  constructor(parts: BoxGuardParts) {
    this.#parts = parts;
    this.#log = new ExecLog({ home: parts.home, onNote: (text) => console.error(`log of programs: ${text}`) });
    this.#log.changed.subscribe((last) => parts.onExecs(last));
    this.#questions = new Questions({
      waitMs: () => this.#configured?.settings.questionMs ?? 0,
      onChange: parts.onQuestions,
      amend: (prefix) => this.#amend(prefix),
    });
  }

  async configure(settings: PolicySettings): Promise<PolicyState> {
    const before = this.#configured;
    if (before !== null && JSON.stringify(before.settings) === JSON.stringify(settings)) return stateOf(before);
    const policy = settings.means === null ? null : await this.#openPolicy(settings);
    const configured = { settings, policy };
    this.#configured = configured;
    this.#launcher?.rulesChanged();
    before?.policy?.close();
    return stateOf(configured);
  }

  async #openPolicy(settings: PolicySettings): Promise<ExecPolicy> {
    const { openExecPolicy } = await import('../policy/index.ts');
    const policy = await openExecPolicy({
      ...settings,
      home: this.#parts.realHome,
      lastGoodFile: path.join(this.#parts.home, 'box', 'rules-in-force.json'),
      flock: this.#parts.libc.flock,
      onProblem: (text) => console.error(`rules: ${text}`),
    });
    policy.changed.subscribe(() => {
      this.#launcher?.rulesChanged();
      this.#parts.onRules(policy.figures());
    });
    return policy;
  }

  get #standing(): Configured {
    if (this.#configured === null) {
      throw new AgentboxError('BOX_UNAVAILABLE', 'the box has not been told its rules yet');
    }
    return this.#configured;
  }

  get #policy(): ExecPolicy {
    const { policy } = this.#standing;
    if (policy === null) throw new AgentboxError('MISSING_FEATURE', 'this box guards nothing, so it asks no rules');
    return policy;
  }

  /** Rejects with MISSING_FEATURE, naming what is missing and how to get it. */
  async prepare(request: SpawnRequest, profile: SandboxProfile): Promise<GuardReady> {
    const { means } = this.#standing.settings;
    if (means === null) throw new AgentboxError('MISSING_FEATURE', 'this box has nothing to hold a sandbox with');
    const warden = locateWarden();
    if ('missing' in warden) throw new AgentboxError('MISSING_FEATURE', warden.missing);
    const launcher = await this.#loadLauncher();
    return {
      launch: (command, listener) =>
        launcher.launch(request, profile, { warden: warden.path, means, command, listener }).start,
    };
  }

  async #loadLauncher(): Promise<Launcher> {
    const { Launcher: LauncherClass } = await import('./launcher.ts');
    this.#launcher ??= new LauncherClass({
      ...this.#parts,
      log: this.#log,
      questions: this.#questions,
      policy: () => this.#policy,
      settings: () => this.#standing.settings,
    });
    return this.#launcher;
  }

  answer(request: AnswerRequest): Promise<AnswerReply> {
    return this.#questions.answer(request);
  }

  async #amend(prefix: readonly string[]): Promise<AnswerReply['rule']> {
    const amended = await this.#policy.amend(prefix);
    if (amended.kind === 'refused') return null;
    const { file, line, text } = amended;
    return { file, line, text };
  }

  async execs(after: number, max: number): ReturnType<Box['execs']> {
    return { entries: await this.#log.readAside(after, max), last: this.#log.last };
  }

  acknowledgeExecs(through: number): void {
    this.#log.acknowledge(through);
  }

  close(): void {
    this.#questions.close();
    this.#launcher?.close();
    removeGroups();
    this.#configured?.policy?.close();
    this.#log.close();
  }
}

function stateOf({ policy }: Configured): PolicyState {
  return policy === null ? NO_RULES : policy.figures();
}
