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
  type MachineMeans,
  type PolicySettings,
  type PolicyState,
  type SandboxProfile,
  type SessionId,
  type SpawnRequest,
} from '@agentbox/protocol';
import { PathObserver, Placeholders, planLaunch } from '@agentbox/sandbox';
import type { Libc } from '../native/libc.ts';
import { type ExecPolicy, environmentForEscalation, openExecPolicy } from '../policy/index.ts';
import { removeGroups } from '../process/limits.ts';
import type { Environment } from '../session/environment.ts';
import type { Program } from '../session/launch.ts';
import type { Start } from '../session/start.ts';
import { ExecLog } from './exec-log.ts';
import { GuardedLaunch, type GuardListener } from './guarded-launch.ts';
import { Lingering } from './lingering.ts';
import { Questions } from './questions.ts';
import { SessionGuard } from './session-guard.ts';

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
  readonly policy: ExecPolicy;
}

interface CommandFacts {
  readonly program: Program;
  readonly environment: Environment;
}

/** What a session needs before it can be started under a profile. */
export interface GuardReady {
  launch(command: CommandFacts, listener: GuardListener): Start;
}

export class BoxGuard {
  readonly #parts: BoxGuardParts;
  readonly #log: ExecLog;
  readonly #questions: Questions;
  readonly #paths = new PathObserver();
  readonly #placeholders = new Placeholders();
  readonly #lingering = new Lingering();
  readonly #launches = new Set<GuardedLaunch>();
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
    if (before !== null && JSON.stringify(before.settings) === JSON.stringify(settings)) {
      return before.policy.figures();
    }
    const policy = await openExecPolicy({
      ...settings,
      home: this.#parts.realHome,
      lastGoodFile: path.join(this.#parts.home, 'box', 'rules-in-force.json'),
      flock: this.#parts.libc.flock,
      onProblem: (text) => console.error(`rules: ${text}`),
    });
    this.#configured = { settings, policy };
    policy.changed.subscribe(() => {
      this.#rulesChanged();
      this.#parts.onRules(policy.figures());
    });
    this.#rulesChanged();
    before?.policy.close();
    return policy.figures();
  }

  #rulesChanged(): void {
    for (const launch of this.#launches) launch.headsChanged();
  }

  get #standing(): Configured {
    if (this.#configured === null) {
      throw new AgentboxError('BOX_UNAVAILABLE', 'the box has not been told its rules yet');
    }
    return this.#configured;
  }

  /** Throws MISSING_FEATURE, naming what is missing and how to get it. */
  prepare(request: SpawnRequest, profile: SandboxProfile): GuardReady {
    const { means } = this.#standing.settings;
    if (means === null) throw new AgentboxError('MISSING_FEATURE', 'this box has nothing to hold a sandbox with');
    const warden = locateWarden();
    if ('missing' in warden) throw new AgentboxError('MISSING_FEATURE', warden.missing);
    return {
      launch: (command, listener) => {
        const launch = this.#launch(request, profile, { warden: warden.path, means, command, listener });
        this.#launches.add(launch);
        return launch.start;
      },
    };
  }

  #launch(
    request: SpawnRequest,
    profile: SandboxProfile,
    { warden, means, command, listener }: LaunchMeans,
  ): GuardedLaunch {
    const { session, owner } = request;
    const { libc, tagPrefix, environment, realHome } = this.#parts;
    const { plan, cwd, placeholders } = this.#plan(request, profile, means);
    const guard = new SessionGuard({
      session,
      owner,
      profile,
      policy: () => this.#standing.policy,
      questions: this.#questions,
      log: this.#log,
      isDirect: (pid) => launch.isDirect(pid),
      privatePlaces: ['/tmp', '/var/tmp', realHome],
      environment: environmentForEscalation(environment),
    });
    const launch: GuardedLaunch = new GuardedLaunch(
      {
        ...command,
        libc,
        warden,
        plan,
        cwd,
        guard,
        policy: () => this.#standing.policy,
        groupName: `agentbox-${tagPrefix}-${session}`,
        holdPlaces: () => {
          const hold = this.#placeholders.hold(placeholders);
          return { release: () => this.#lingering.later(() => hold.release()) };
        },
        ownPorts: () => this.#standing.settings.ownPorts,
        rulesFile: this.#standing.settings.amendFile,
        record: (what) => void this.#log.append({ at: Date.now(), session, owner, what }),
        onEnd: () => void this.#launches.delete(launch),
      },
      listener,
    );
    return launch;
  }

  #plan({ cwd }: SpawnRequest, profile: SandboxProfile, { engine, groupLimits }: MachineMeans) {
    const { realHome, environment, home } = this.#parts;
    const uid = process.getuid?.() ?? 0;
    const searchPath = environment['PATH'] ?? '';
    const paths = this.#paths.observe(profile, {
      cwd,
      realHome,
      searchPath,
      own: [home],
      alone: engine.kind === 'landlock',
    });
    const planned = planLaunch(profile, { paths, uid, engine, environment, groupLimits });
    if (planned.kind === 'launch') return planned;
    const { code, message, fix, key, path: at } = planned.problem;
    throw new AgentboxError(code, `${message}; ${fix}`, { key, path: at });
  }

  answer(request: AnswerRequest): Promise<AnswerReply> {
    return this.#questions.answer(request);
  }

  async #amend(prefix: readonly string[]): Promise<AnswerReply['rule']> {
    const amended = await this.#standing.policy.amend(prefix);
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
    this.#lingering.close();
    removeGroups();
    this.#configured?.policy.close();
    this.#log.close();
  }
}

interface LaunchMeans {
  readonly warden: string;
  readonly means: MachineMeans;
  readonly command: CommandFacts;
  readonly listener: GuardListener;
}
