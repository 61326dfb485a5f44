/** bootstrap: what a model should know before it begins to work on this machine. */
import type { Skill, ToolOutcome } from '@agentbox/control-plane';
import type { BootstrapOutput, BoxFacts, SandboxProfile, SessionInfo } from '@agentbox/protocol';
import type { Turn } from './machine.ts';
import { done } from './outcome.ts';
import { placementOf } from './placement.ts';
import { catalogText } from './skills/index.ts';

const MAX_LISTED_IDS = 64;
/** what a model reads before any work must leave room for the work */
const CATALOG_BYTES = 8192;

export async function bootstrap(turn: Turn): Promise<ToolOutcome> {
  const { machine } = turn;
  const [facts, sessions] = await Promise.all([machine.box.facts(), machine.box.list(turn.owner)]);
  const { settings } = machine;
  const structured: BootstrapOutput = {
    hostname: facts.hostname,
    os_info: facts.osRelease,
    current_user: facts.user,
    default_shell: settings.defaultShell ?? facts.shell,
    default_workdir: settings.defaultWorkdir ?? facts.home,
    public_base_url: settings.publicBaseUrl,
    project_roots: [...settings.projectRoots],
    skill_roots: [...machine.skills.roots],
    common_available_tools: facts.tools.map(({ name, path }) => ({ name, path })),
    instructions: instructionsFor(settings.prefix, machine.skills.list().length, facts),
    profile: profileText(facts, placementOf(turn).profile),
    sessions: countSessions(sessions),
    limits: {
      default_yield_time_ms: settings.execYieldMs.standard,
      max_yield_time_ms: settings.execYieldMs.most,
      max_poll_ms: settings.pollYieldMs.most,
      max_output_tokens: settings.maxOutputTokens,
      max_command_chars: settings.maxCommandChars,
    },
    skills: machine.skills.list().length,
    skill_catalog: catalogOf(machine.skills.list(), settings.prefix),
    version: facts.version,
  };
  return done(`${JSON.stringify(structured, null, 1)}\n`, structured);
}

/** Short descriptions for all; where even the names are too many, the nearest roots come first. */
function catalogOf(skills: readonly Skill[], prefix: string): string {
  const text = catalogText(skills, CATALOG_BYTES);
  if (text.length <= 2 * CATALOG_BYTES) return text;
  const kept = text.slice(0, text.lastIndexOf('\n', 2 * CATALOG_BYTES) + 1);
  return `${kept}Not all of ${skills.length} skills fit here: ${prefix}list_skills lists the rest.\n`;
}

function profileText({ user }: BoxFacts, profile: SandboxProfile | null): string {
  if (profile === null) return `host: commands run unsandboxed as ${user}, with everything that this user may do`;
  const writable = profile.writable.length === 0 ? 'nothing' : profile.writable.join(', ');
  const network = profile.network === 'none' ? 'no network' : 'of the network what the rules allow';
  return (
    `${profile.name}: commands run in a sandbox as ${user}; they may write ${writable} beside their own HOME and /tmp, ` +
    `and reach ${network}; every program is checked against the rules of the operator, and some wait for a person`
  );
}

function countSessions(sessions: readonly SessionInfo[]): BootstrapOutput['sessions'] {
  const running = sessions.filter(({ state }) => state.kind === 'running');
  const exited = sessions.filter(({ state }) => state.kind === 'exited').length;
  return {
    running: running.length,
    exited,
    lost: sessions.length - running.length - exited,
    ids: running.slice(0, MAX_LISTED_IDS).map(({ session }) => session),
  };
}

function instructionsFor(prefix: string, skills: number, facts: BoxFacts): string[] {
  return [
    `This is the persistent machine ${facts.hostname}: what you write where "profile" says that you may, and what you start, stays.`,
    `Run commands with ${prefix}exec_command; a command that outlasts its wait answers with a session_id: wait for it or type into it with ${prefix}write_stdin.`,
    `Set tty=true for programs that ask questions or draw a screen; answers say when a command is awaiting input.`,
    `Change files with ${prefix}apply_patch; read output that was left out with ${prefix}read_output.`,
    `See what runs with ${prefix}list_sessions and end it with ${prefix}kill_session.`,
    ...(skills > 0
      ? [
          `Look into skill_catalog before unfamiliar work and load what fits with ${prefix}load_skill; ${prefix}list_skills searches.`,
        ]
      : []),
  ];
}
