/** `agentbox attack-me`: tries the fixed list of attacks on a second server with this install's own configuration. */
import { loadConfig } from '@agentbox/server';
import { type CaseResult, verdictOf } from '../attack/attack-case.ts';
import { chosenAttacks } from '../attack/list.ts';
import { caseLine, countsOf, showReport } from '../attack/report.ts';
import { type RunResult, runAttacks } from '../attack/run-attacks.ts';
import { type Command, HOME, JSON_OUT, type Parsed, UsageError } from '../command.ts';
import type { Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { showFailure } from '../terminal/failure.ts';
import { screenOn } from '../terminal/screen.ts';

export const attackMe: Command = {
  name: 'attack-me',
  summary: 'Attack this install in every known way and say what held.',
  synopsis: '[--only LIST] [--profile NAME] [--keep] [--json] [--home DIR]',
  about:
    'Starts a second server with the configuration and the rules of this home, in a temporary place with canaries,\n' +
    'and tries each attack through its door. The real home is not touched, and all of it is removed at the end.\n' +
    'Takes a few minutes, for a moment 3 GiB of memory and 600 MiB of disk.\n' +
    'The exit code is 0 when all held, 1 when something leaked or could not be tried, 2 when nothing could run.',
  options: {
    only: { type: 'string', value: 'LIST', help: 'groups and cases, such as `G57,A` (all)' },
    profile: { type: 'string', value: 'NAME', help: 'attack this profile and not the configured one' },
    keep: { type: 'boolean', help: 'leave the temporary folder for a look at it' },
    json: JSON_OUT,
    home: HOME,
  },
  examples: [
    ['agentbox attack-me', 'the whole list'],
    ['agentbox attack-me --only G', 'every way to start a forbidden program'],
    ['agentbox attack-me --json', 'for scripts: {"profile","score","cases":[...]}'],
  ],
  run: runAttackMe,
};

const ALL_HELD = 0;
const LEAKED = 1;
const COULD_NOT_RUN = 2;
const INTERRUPTED = 130;

async function runAttackMe(args: Parsed, io: Io): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError(`unexpected \`${args.positionals.join(' ')}\``);
  const attacks = chosenAttacks(args.text('only'));
  if (attacks === undefined) throw new UsageError('--only takes groups and cases: A to G, K, or such as G57');
  const { home } = pathsOf(args, io);
  const interrupt = interruption();
  const screen = screenOn(io.stdout, io.env);
  const isJson = args.flag('json');
  let run: RunResult;
  let profile: string;
  try {
    const asked = args.text('profile');
    profile = asked ?? loadConfig({ home, env: io.env, flags: [] }).box.profile;
    if (!isJson)
      screen.line(`\n  ${screen.paint('strong', 'attack-me')}  profile ${profile}, ${attacks.length} cases\n`);
    run = await runAttacks({
      attacks,
      source: { home, root: io.root, env: io.env, profile: asked },
      keep: args.flag('keep'),
      signal: interrupt.signal,
      ended: (result) => (isJson ? undefined : caseLine(result, screen)),
    });
  } catch (fault) {
    showFailure(fault, io, null);
    return COULD_NOT_RUN;
  } finally {
    interrupt.close();
  }
  if (interrupt.signal.aborted) return INTERRUPTED;
  if (isJson) io.stdout.write(`${JSON.stringify(jsonOf(profile, run))}\n`);
  else showReport(run.results, screen);
  if (args.flag('keep')) screenOn(io.stderr, io.env).line(`  Kept: ${run.base}`);
  return run.results.every(isHarmless) ? ALL_HELD : LEAKED;
}

const isHarmless = ({ tries }: CaseResult): boolean => !['leaked', 'broken'].includes(verdictOf(tries));

function jsonOf(profile: string, { results }: RunResult): Readonly<Record<string, unknown>> {
  const { 'not applicable': inapplicable, ...counts } = countsOf(results);
  return {
    profile,
    score: { ...counts, not_applicable: inapplicable, of: results.length - inapplicable },
    cases: results.map(({ tookMs, ...one }) => ({ ...one, took_ms: tookMs })),
  };
}

interface Interruption {
  readonly signal: AbortSignal;
  close(): void;
}

/** The first Ctrl-C takes everything away before the end; a second one ends at once. */
function interruption(): Interruption {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (): void => {
    close();
    controller.abort();
  };
  const close = (): void => {
    for (const name of names) process.off(name, onSignal);
  };
  for (const name of names) process.on(name, onSignal);
  return { signal: controller.signal, close };
}
