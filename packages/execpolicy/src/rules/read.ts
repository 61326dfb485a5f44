/** One file: its text to its rules, or the one problem that keeps it from being used. */
import { type Position, RulesFault, type RulesProblem } from '../problem.ts';
import { BUILTINS, CONSTANTS, type Tools } from '../starlark/builtins.ts';
import { Interpreter } from '../starlark/interpreter.ts';
import { parseFile } from '../starlark/parser.ts';
import { resolveFile } from '../starlark/resolve.ts';
import { Scope } from '../starlark/scope.ts';
import type { Given, Value } from '../starlark/values.ts';
import { tryExamples } from './examples.ts';
import { RuleCollector } from './functions.ts';
import { NOWHERE, type Place } from './paths.ts';
import { lastOfEach } from './policy.ts';
import type { HostExecutable, Layer, RuleFile } from './rule.ts';
import { joinWords } from './shell-words.ts';

export interface RuleSource {
  /** as problems and audit records name it */
  readonly name: string;
  readonly layer: Layer;
  readonly text: string;
}

export type ReadResult =
  | { readonly kind: 'read'; readonly file: RuleFile }
  /** `file` holds what the file says where only its examples contradict it */
  | { readonly kind: 'broken'; readonly problem: RulesProblem; readonly file: RuleFile | null };

type Functions = ReadonlyMap<string, (given: Given) => Value>;

/** Runs a program of the language; `more` are functions besides the builtins. The scope's names stay visible to tests. */
export function runProgram(text: string, more: (interpreter: () => Position) => Functions): Position | RulesFault {
  let interpreter: Interpreter | null = null;
  const here = (): Position => interpreter?.position ?? { line: 1, column: 1 };
  try {
    const functions = more(here);
    const names = new Set([...Object.keys(BUILTINS), ...CONSTANTS.keys(), ...functions.keys()]);
    const statements = parseFile(text);
    const running = new Interpreter(resolveFile(statements, names));
    interpreter = running;
    running.run(statements, builtinScope(names, functions, running));
    return here();
  } catch (fault) {
    if (!(fault instanceof RulesFault)) throw fault;
    return new RulesFault(fault.message, fault.hint, fault.at ?? here());
  }
}

function builtinScope(names: ReadonlySet<string>, functions: Functions, interpreter: Interpreter): Scope {
  const scope = new Scope(names, null);
  const tools: Tools = {
    budget: interpreter.budget,
    call: (callee, given) => interpreter.call(callee, given),
  };
  for (const [name, value] of CONSTANTS) scope.set(name, value);
  for (const [name, run] of Object.entries(BUILTINS))
    scope.set(name, { kind: 'builtin', name, run: (given) => run(given, tools) });
  for (const [name, run] of functions) scope.set(name, { kind: 'builtin', name, run });
  return scope;
}

/** `place` is where relative paths of examples start; `earlier` are the host executables of the files before this one: examples are tried with them. */
export function readRules(
  source: RuleSource,
  place: Place = NOWHERE,
  earlier: readonly HostExecutable[] = [],
): ReadResult {
  const { name, layer, text } = source;
  const collectors: RuleCollector[] = [];
  const ran = runProgram(text, (here) => {
    const collector = new RuleCollector(() => ({ file: name, layer, ...here() }));
    collectors.push(collector);
    return collector.functions();
  });
  const [collector] = collectors;
  if (ran instanceof RulesFault || collector === undefined) {
    const { line, column } = (ran instanceof RulesFault ? ran.at : ran) ?? { line: 1, column: 1 };
    const [message, hint] = ran instanceof RulesFault ? [ran.message, ran.hint] : ['nothing ran', 'report this'];
    return { kind: 'broken', problem: { file: name, line, column, message, hint }, file: null };
  }
  const { claims, networkRules, hostExecutables } = collector;
  const file = { name, layer, claims, networkRules, hostExecutables };
  const problem = contradiction(file, place, earlier);
  return problem === null ? { kind: 'read', file } : { kind: 'broken', problem, file };
}

function contradiction(file: RuleFile, place: Place, earlier: readonly HostExecutable[]): RulesProblem | null {
  const executables = lastOfEach([...earlier, ...file.hostExecutables]);
  for (const claim of file.claims) {
    const failed = tryExamples(claim, executables, place).find(({ holds }) => !holds);
    if (failed === undefined) continue;
    const { line, column } = claim.origin;
    const shown = joinWords(failed.example.argv);
    const message = failed.example.isWanted
      ? `the rule does not match its own example: ${shown}`
      : `the rule matches what it says it does not: ${shown}`;
    return { file: file.name, line, column, message, hint: 'correct the pattern or the example' };
  }
  return null;
}
