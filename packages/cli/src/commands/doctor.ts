/** `agentbox doctor`: looks at the machine and at the home, changes nothing, and names the fix for what is not well. */
import { readServerState } from '@agentbox/server';
import { type Command, HOME, JSON_OUT, type Parsed } from '../command.ts';
import type { Finding } from '../doctor/finding.ts';
import { checkBox, checkConfig, checkHome, checkPort, checkServer } from '../doctor/home-checks.ts';
import {
  checkClock,
  checkDisk,
  checkNative,
  checkNode,
  checkProcessTable,
  checkTerminals,
  checkTools,
} from '../doctor/machine-checks.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { type Screen, screenOn, type Tone } from '../terminal/screen.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Check this machine and say how to fix what is wrong.',
  synopsis: '[--json] [--home DIR]',
  about: 'Changes nothing. The exit code is 1 when something fails; warnings do not count.',
  options: { json: JSON_OUT, home: HOME },
  examples: [['agentbox doctor', 'before the first start, or when something is odd']],
  run: runDoctor,
};

async function runDoctor(args: Parsed, io: Io): Promise<number> {
  const paths = pathsOf(args, io);
  const server = readServerState(paths.state);
  const config = checkConfig(paths, io);
  const findings: readonly Finding[] = [
    checkNode(),
    checkNative(io),
    checkTerminals(),
    checkProcessTable(),
    checkDisk(paths.home),
    checkClock(io),
    checkTools(io),
    checkHome(paths),
    config,
    ...(config.verdict === 'ok' ? [await checkPort(paths, server, io)] : []),
    await checkServer(server),
    ...(await checkBox(paths, server)),
  ];
  if (args.flag('json')) io.stdout.write(`${JSON.stringify(findings)}\n`);
  else show(findings, screenOn(io.stdout, io.env));
  return findings.some((finding) => finding.verdict === 'fail') ? EXIT.failed : EXIT.done;
}

const MARKS: Readonly<Record<Finding['verdict'], readonly [mark: string, tone: Tone]>> = {
  ok: ['ok', 'good'],
  warn: ['warn', 'doubt'],
  fail: ['fail', 'bad'],
};

function show(findings: readonly Finding[], screen: Screen): void {
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, verdict, text, fix } of findings) {
    const [mark, tone] = MARKS[verdict];
    screen.line(`  ${screen.paint(tone, mark.padEnd(4))}   ${name.padEnd(width)}   ${text}`);
    if (fix !== null) screen.line(`         ${' '.repeat(width)}   ${screen.paint('link', fix)}`);
  }
  const failed = findings.filter(({ verdict }) => verdict === 'fail').length;
  screen.line();
  screen.line(failed === 0 ? '  agentbox can run here.' : `  ${failed} thing${failed === 1 ? '' : 's'} to fix first.`);
}
