/** `agentbox doctor`: looks at the machine and at the home, changes nothing, and names the fix for what is not well. */
import { readServerState } from '@agentbox/server';
import { type Command, HOME, JSON_OUT, type Parsed } from '../command.ts';
import { type Finding, fail, type Section } from '../doctor/finding.ts';
import { checkBox, checkConfig, checkHome, checkPort, checkServer, type ReadConfig } from '../doctor/home-checks.ts';
import {
  checkClock,
  checkDisk,
  checkNative,
  checkNode,
  checkProcessTable,
  checkTerminals,
  checkTools,
} from '../doctor/machine-checks.ts';
import { showSections } from '../doctor/show.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { screenOn } from '../terminal/screen.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Check this machine, what its sandbox holds, and say how to fix what is wrong.',
  synopsis: '[--profile workspace|read-only|host] [--json] [--home DIR]',
  about:
    'Changes nothing. The exit code is 1 when something fails that `agentbox up` needs for the profile;\n' +
    'warnings do not count.',
  options: {
    profile: { type: 'string', value: 'NAME', help: 'look with this profile, not with the configured one' },
    json: JSON_OUT,
    home: HOME,
  },
  examples: [
    ['agentbox doctor', 'before the first start, or when something is odd'],
    ['agentbox doctor --profile host', 'what it means to run without a sandbox'],
  ],
  run: runDoctor,
};

async function runDoctor(args: Parsed, io: Io): Promise<number> {
  const sections = await examine(args, io);
  const findings = sections.flatMap(({ title, findings: found }) =>
    found.map((finding) => ({ section: title.toLowerCase(), ...finding })),
  );
  if (args.flag('json')) io.stdout.write(`${JSON.stringify(findings)}\n`);
  else showSections(sections, screenOn(io.stdout, io.env));
  return findings.some((finding) => finding.verdict === 'fail') ? EXIT.failed : EXIT.done;
}

async function examine(args: Parsed, io: Io): Promise<readonly Section[]> {
  const paths = pathsOf(args, io);
  const server = readServerState(paths.state);
  const profile = args.text('profile');
  const flags =
    profile === undefined ? [] : [{ path: ['box', 'profile'] as const, value: profile, origin: '--profile' }];
  const { finding: configuration, read } = checkConfig(paths, flags, io);
  const native = checkNative(io);
  const machine = [
    checkNode(),
    native,
    checkTerminals(),
    checkProcessTable(),
    checkDisk(paths.home),
    checkClock(io),
    checkTools(io),
  ];
  const own = [
    checkHome(paths),
    configuration,
    ...(read === null ? [] : [await checkPort(read.config, server)]),
    await checkServer(server),
    ...(await checkBox(paths, server)),
  ];
  // The probe asks the kernel through the native calls.
  const sandbox = read === null || native.verdict !== 'ok' ? notLookedAt(read) : await lookAtSandbox(read, args, io);
  return [
    { title: 'Machine', findings: machine },
    { title: 'Sandbox', findings: sandbox },
    { title: 'agentbox', findings: own },
  ];
}

/** What is loaded here needs the native calls, which are looked at before. */
async function lookAtSandbox(read: ReadConfig, args: Parsed, io: Io): Promise<readonly Finding[]> {
  const [{ checkSandbox }, { checkPlaces }, { checkRules }, { checkGit }] = await Promise.all([
    import('../doctor/sandbox-checks.ts'),
    import('../doctor/place-check.ts'),
    import('../doctor/rule-checks.ts'),
    import('../doctor/git-check.ts'),
  ]);
  const paths = pathsOf(args, io);
  const { findings, config } = await checkPlaces(read, paths, io);
  return [...(await checkSandbox(config, io)), ...findings, ...checkRules(config, paths.home, io), ...checkGit(config)];
}

function notLookedAt(read: ReadConfig | null): readonly Finding[] {
  const why = read === null ? 'the configuration cannot be read' : 'native calls do not work';
  return [fail('Profile', `not looked at: ${why}`, 'see the other lines, then run this again')];
}
