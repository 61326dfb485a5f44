/**
 * Starts sessions under a profile: plans each sandbox, holds what it is mounted on, and knows which sessions stand. A box
 * that guards nothing never loads it.
 */
import type { MachineMeans, PolicySettings, SandboxProfile, SpawnRequest } from '@agentbox/protocol';
import { AgentboxError } from '@agentbox/protocol';
import { PathObserver, Placeholders, planLaunch } from '@agentbox/sandbox';
import type { Libc } from '../native/libc.ts';
import type { ExecPolicy } from '../policy/index.ts';
import { environmentForEscalation } from '../policy/index.ts';
import type { Environment } from '../session/environment.ts';
import type { Program } from '../session/launch.ts';
import type { ExecLog } from './exec-log.ts';
import { GuardedLaunch, type GuardListener } from './guarded-launch.ts';
import { Lingering } from './lingering.ts';
import type { Questions } from './questions.ts';
import { SessionGuard } from './session-guard.ts';

export interface LauncherParts {
  readonly libc: Libc;
  readonly home: string;
  readonly tagPrefix: string;
  readonly environment: Environment;
  readonly realHome: string;
  readonly log: ExecLog;
  readonly questions: Questions;
  readonly policy: () => ExecPolicy;
  readonly settings: () => PolicySettings;
}

export interface CommandFacts {
  readonly program: Program;
  readonly environment: Environment;
}

export interface LaunchMeans {
  /** path of the warden */
  readonly warden: string;
  readonly means: MachineMeans;
  readonly command: CommandFacts;
  readonly listener: GuardListener;
}

export class Launcher {
  readonly #parts: LauncherParts;
  readonly #paths = new PathObserver();
  readonly #placeholders = new Placeholders();
  readonly #lingering = new Lingering();
  readonly #launches = new Set<GuardedLaunch>();

  constructor(parts: LauncherParts) {
    this.#parts = parts;
  }

  launch(request: SpawnRequest, profile: SandboxProfile, launchMeans: LaunchMeans): GuardedLaunch {
    const { warden, means, command, listener } = launchMeans;
    const { session, owner } = request;
    const { libc, tagPrefix, environment, realHome, policy, settings, questions, log } = this.#parts;
    const { plan, cwd, placeholders } = this.#plan(request, profile, means);
    const guard = new SessionGuard({
      session,
      owner,
      profile,
      policy,
      questions,
      log,
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
        policy,
        groupName: `agentbox-${tagPrefix}-${session}`,
        holdPlaces: () => {
          const hold = this.#placeholders.hold(placeholders);
          return { release: () => this.#lingering.later(() => hold.release()) };
        },
        ownPorts: () => settings().ownPorts,
        rulesFile: settings().amendFile,
        record: (what) => void log.append({ at: Date.now(), session, owner, what }),
        onEnd: () => void this.#launches.delete(launch),
      },
      listener,
    );
    this.#launches.add(launch);
    return launch;
  }

  /** Other programs must be asked about from now on. */
  rulesChanged(): void {
    for (const launch of this.#launches) launch.headsChanged();
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

  close(): void {
    this.#lingering.close();
  }
}
