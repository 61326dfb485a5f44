/**
 * `agentbox policy check|explain|test`: answers from rule files, those that are named or those that the box reads.
 * Nothing runs, and every output says whose rules were asked.
 */
import { homedir } from 'node:os';
import {
  checkJson,
  evaluate,
  explain,
  type LayeredSource,
  loadRules,
  type Place,
  problemText,
  type RulesProblem,
} from '@agentbox/execpolicy';
import { type Command, HOME, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { ruleSources } from '../policy/rule-sources.ts';
import { testRules } from '../policy/test-rules.ts';
import { plain, type Screen, screenOn } from '../terminal/screen.ts';

const NAMED = 'Only the named files were asked, and nothing ran; `agentbox doctor` lists those in force.';
const STANDING = 'The files that every program in a sandbox is checked against were asked, and nothing ran.';

export const policy: Command = {
  name: 'policy',
  summary: 'Check rule files, and what they say about a command.',
  synopsis: 'check|explain [--rules FILE...] [--] COMMAND...  |  test FILE...',
  about:
    'Nothing runs. Without --rules the files are asked that every program in a sandbox is checked against.\n' +
    'check prints the JSON of `codex execpolicy check`; explain says which rule decides and why others do not;\n' +
    'test tries all examples of the files. docs/policy.md describes the language.',
  options: {
    rules: {
      type: 'string',
      short: 'r',
      value: 'FILE',
      multiple: true,
      help: 'a rule file; may be given several times (those that the box reads)',
    },
    pretty: { type: 'boolean', help: 'check: JSON on several lines' },
    'resolve-host-executables': {
      type: 'boolean',
      help: 'let rules for a name match paths, as host_executable() permits',
    },
    home: HOME,
  },
  examples: [
    ['agentbox policy explain -- git push', 'what the rules in force say'],
    ['agentbox policy check -r default.rules -- git push', 'the decision and the matching rules, as JSON'],
    ['agentbox policy explain -r default.rules -- git push', 'the same in sentences'],
    ['agentbox policy test ~/.codex/rules/*.rules', 'try the examples of all rules'],
  ],
  run: runPolicy,
};

async function runPolicy(args: Parsed, io: Io): Promise<number> {
  const [action, ...words] = args.positionals;
  if (action === 'test') return test([...args.texts('rules'), ...words], io);
  if (action !== 'check' && action !== 'explain')
    throw new UsageError('say what to do: check, explain or test; docs/policy.md describes the language');
  const files = args.texts('rules');
  if (words.length === 0) throw new UsageError('name the command behind --, such as -- git push');
  const place = placeOf(io);
  const note = files.length === 0 ? STANDING : NAMED;
  const sources = files.length === 0 ? await standing(args, io) : null;
  const loaded = loadRules(sources ?? ruleSources(files, io.cwd), place);
  const broken = sources?.find(({ unusable }) => unusable !== undefined)?.unusable;
  if (broken !== undefined) return refuse(broken, io);
  if (loaded.kind === 'refused') return refuse(loaded.problem, io);
  const facts = { ...place, resolveHostExecutables: args.flag('resolve-host-executables'), restrictByBasename: false };
  const evaluation = evaluate(loaded.policy, words, facts);
  const screen = screenOn(io.stdout, io.env);
  if (action === 'check') io.stdout.write(`${checkJson(evaluation, args.flag('pretty'))}\n`);
  else for (const line of explain(loaded.policy, words, facts, evaluation)) screen.line(plain(line));
  sayWhose(note, action === 'check' ? screenOn(io.stderr, io.env) : screen);
  return EXIT.done;
}

/** Loaded only where it is asked for: files that are named need nothing of the server. */
async function standing(args: Parsed, io: Io): Promise<readonly LayeredSource[]> {
  const { standingSources } = await import('../policy/standing-sources.ts');
  return standingSources(args, io);
}

const placeOf = (io: Io): Place => ({ cwd: io.cwd, home: io.env['HOME'] ?? homedir() });

function refuse(problem: RulesProblem, io: Io): number {
  const screen = screenOn(io.stderr, io.env);
  screen.line(`${screen.paint('bad', 'error')}: ${problemText(problem)}`);
  screen.line(screen.paint('quiet', `  ${problem.hint}`));
  return EXIT.failed;
}

function sayWhose(note: string, screen: Screen): void {
  screen.line();
  screen.line(screen.paint('quiet', note));
}

function test(files: readonly string[], io: Io): number {
  if (files.length === 0) throw new UsageError('name the files to test');
  const screen = screenOn(io.stdout, io.env);
  const tested = testRules(ruleSources(files, io.cwd), placeOf(io));
  for (const { verdict, text, detail } of tested.lines) {
    screen.line(`${screen.paint(verdict === 'ok' ? 'good' : 'bad', verdict.padEnd(6))} ${plain(text)}`);
    if (detail !== null) screen.line(screen.paint('quiet', `       ${plain(detail)}`));
  }
  screen.line();
  screen.line(`${tested.files} files, ${tested.rules} rules, ${tested.passed} passed, ${tested.failed} failed`);
  screen.line(screen.paint('quiet', NAMED));
  return tested.failed === 0 ? EXIT.done : EXIT.failed;
}
