/**
 * `agentbox policy check|explain|test`: reads rule files and answers from them. Nothing runs, and nothing is enforced:
 * every output says so.
 */
import { homedir } from 'node:os';
import {
  checkJson,
  type Evaluation,
  type ExecFacts,
  evaluate,
  explain,
  loadRules,
  type Place,
  type Policy,
  problemText,
  type RulesProblem,
} from '@agentbox/execpolicy';
import { type Command, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { ruleSources } from '../policy/rule-sources.ts';
import { testRules } from '../policy/test-rules.ts';
import { plain, type Screen, screenOn } from '../terminal/screen.ts';

const NOT_ENFORCED = 'Rules are checked here, not enforced: this version does not stop a program at its start.';

export const policy: Command = {
  name: 'policy',
  summary: 'Check rule files, and what they say about a command.',
  synopsis: 'check|explain --rules FILE... [--] COMMAND...  |  test FILE...',
  about:
    `${NOT_ENFORCED}\n` +
    'check prints the JSON of `codex execpolicy check`; explain says which rule decides and why others do not;\n' +
    'test tries all examples of the files. docs/policy.md describes the language.',
  options: {
    rules: {
      type: 'string',
      short: 'r',
      value: 'FILE',
      multiple: true,
      help: 'a rule file; may be given several times',
    },
    pretty: { type: 'boolean', help: 'check: JSON on several lines' },
    'resolve-host-executables': {
      type: 'boolean',
      help: 'let rules for a name match paths, as host_executable() permits',
    },
  },
  examples: [
    ['agentbox policy check -r default.rules -- git push', 'the decision and the matching rules, as JSON'],
    ['agentbox policy explain -r default.rules -- git push', 'the same in sentences'],
    ['agentbox policy test ~/.codex/rules/*.rules', 'try the examples of all rules'],
  ],
  run: (args, io) => Promise.resolve(runPolicy(args, io)),
};

function runPolicy(args: Parsed, io: Io): number {
  const [action, ...words] = args.positionals;
  if (action === 'test') return test([...args.texts('rules'), ...words], io);
  if (action !== 'check' && action !== 'explain')
    throw new UsageError('say what to do: check, explain or test; docs/policy.md describes the language');
  const files = args.texts('rules');
  if (files.length === 0) throw new UsageError(`name the files to ${action}: --rules FILE`);
  if (words.length === 0) throw new UsageError('name the command behind --, such as -- git push');
  const place = placeOf(io);
  const loaded = loadRules(ruleSources(files, io.cwd), place);
  if (loaded.kind === 'refused') return refuse(loaded.problem, io);
  const facts = { ...place, resolveHostExecutables: args.flag('resolve-host-executables'), restrictByBasename: false };
  const evaluation = evaluate(loaded.policy, words, facts);
  if (action === 'check') showJson(evaluation, args.flag('pretty'), io);
  else showSentences(loaded.policy, words, facts, evaluation, screenOn(io.stdout, io.env));
  return EXIT.done;
}

const placeOf = (io: Io): Place => ({ cwd: io.cwd, home: io.env['HOME'] ?? homedir() });

function refuse(problem: RulesProblem, io: Io): number {
  const screen = screenOn(io.stderr, io.env);
  screen.line(`${screen.paint('bad', 'error')}: ${problemText(problem)}`);
  screen.line(screen.paint('quiet', `  ${problem.hint}`));
  return EXIT.failed;
}

function showJson(evaluation: Evaluation, isPretty: boolean, io: Io): void {
  io.stdout.write(`${checkJson(evaluation, isPretty)}\n`);
  const notes = screenOn(io.stderr, io.env);
  notes.line(notes.paint('quiet', NOT_ENFORCED));
}

function showSentences(
  rules: Policy,
  argv: readonly string[],
  facts: ExecFacts,
  evaluation: Evaluation,
  screen: Screen,
): void {
  for (const line of explain(rules, argv, facts, evaluation)) screen.line(plain(line));
  screen.line();
  screen.line(screen.paint('quiet', NOT_ENFORCED));
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
  screen.line(screen.paint('quiet', NOT_ENFORCED));
  return tested.failed === 0 ? EXIT.done : EXIT.failed;
}
