/** prefix_rule(), network_rule() and host_executable(): what they take, and what they add to the file. */
import { nearest } from '@agentbox/base';
import { BOUNDS } from '../bounds.ts';
import { RulesFault } from '../problem.ts';
import { take, wantList, wantText } from '../starlark/arguments.ts';
import { trimWhite } from '../starlark/characters.ts';
import { type Given, typeName, type Value } from '../starlark/values.ts';
import { readHost, readPort } from './host.ts';
import { baseName, normalPath } from './paths.ts';
import type { Claim, Decision, Example, HostExecutable, NetworkRule, Origin, PrefixRule, Protocol } from './rule.ts';
import { isDecision } from './rule.ts';
import { splitWords } from './shell-words.ts';

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['http', 'http'],
  ['https', 'https'],
  ['https_connect', 'https'],
  ['http-connect', 'https'],
  ['socks5_tcp', 'socks5_tcp'],
  ['socks5_udp', 'socks5_udp'],
]);

/** Gathers what the file says while it runs. `here` is where the call in hand stands. */
export class RuleCollector {
  readonly claims: Claim[] = [];
  readonly networkRules: NetworkRule[] = [];
  readonly hostExecutables: HostExecutable[] = [];
  readonly #here: () => Origin;
  #rules = 0;
  #examples = 0;

  constructor(here: () => Origin) {
    this.#here = here;
  }

  functions(): ReadonlyMap<string, (given: Given) => null> {
    return new Map([
      ['prefix_rule', (given) => this.#prefixRule(given)],
      ['network_rule', (given) => this.#networkRule(given)],
      ['host_executable', (given) => this.#hostExecutable(given)],
    ]);
  }

  #prefixRule(given: Given): null {
    const callee = 'prefix_rule';
    const names = ['pattern', 'decision?', 'match?', 'not_match?', 'justification?'];
    const [patternGiven, decisionGiven = 'allow', match, notMatch, why] = take(callee, given, names);
    const pattern = wantList(callee, 'pattern', patternGiven).items;
    const decision = readDecision(wantText(callee, 'decision', decisionGiven), []);
    const justification = readJustification(callee, why);
    const [heads = [], ...rest] = pattern.map(readWord);
    if (pattern.length === 0) throw new RulesFault('the pattern is empty', 'name at least the program: ["git"]');
    const examples = [...readExamples('match', match, true), ...readExamples('not_match', notMatch, false)];
    const origin = this.#here();
    const rules = heads.map((head): PrefixRule => ({ head, rest, decision, justification, origin }));
    this.#count(rules.length, examples.length);
    this.claims.push({ rules, examples, origin });
    return null;
  }

  #count(rules: number, examples: number): void {
    this.#rules += rules;
    this.#examples += examples;
    if (this.#rules > BOUNDS.rules) throw new RulesFault(`more than ${BOUNDS.rules} rules`, 'divide the file');
    if (this.#examples > BOUNDS.examples)
      throw new RulesFault(`more than ${BOUNDS.examples} examples`, 'divide the file');
  }

  #networkRule(given: Given): null {
    const callee = 'network_rule';
    const [host, protocol, decision, why] = take(callee, given, ['host', 'protocol', 'decision', 'justification?']);
    const protocolText = wantText(callee, 'protocol', protocol);
    const known = PROTOCOLS.get(protocolText);
    if (known === undefined)
      throw new RulesFault(`the protocol "${protocolText}" is not known`, 'use http, https, socks5_tcp or socks5_udp');
    const decisionText = wantText(callee, 'decision', decision);
    this.#count(1, 0);
    const hostText = wantText(callee, 'host', host);
    this.networkRules.push({
      host: readHost(hostText),
      port: readPort(hostText),
      protocol: known,
      decision: decisionText === 'deny' ? 'forbidden' : readDecision(decisionText, ['deny']),
      justification: readJustification(callee, why),
      origin: this.#here(),
    });
    return null;
  }

  #hostExecutable(given: Given): null {
    const callee = 'host_executable';
    const [nameGiven, pathsGiven] = take(callee, given, ['name', 'paths']);
    const name = wantText(callee, 'name', nameGiven);
    if (name.includes('/') || baseName(name) !== name)
      throw new RulesFault(`the name "${name}" is no bare program name`, 'write it as "git", and the places in paths');
    const paths = wantList(callee, 'paths', pathsGiven).items.map((path) => readExecutable(name, path));
    this.#count(paths.length, 0);
    this.hostExecutables.push({ name, paths: [...new Set(paths)] });
    return null;
  }
}

function readDecision(text: string, more: readonly string[]): Decision {
  if (isDecision(text)) return text;
  const known = ['allow', 'prompt', 'forbidden', ...more];
  const meant = text === 'deny' ? 'forbidden' : nearest(text, known);
  const hint = meant === undefined ? `use one of ${known.join(', ')}` : `did you mean "${meant}"?`;
  throw new RulesFault(`the decision "${text}" is not known`, hint);
}

function readJustification(callee: string, value: Value | undefined): string | null {
  if (value === undefined) return null;
  const text = wantText(callee, 'justification', value);
  if (trimWhite(text) === '') throw new RulesFault('the justification is empty', 'give a reason, or leave it out');
  return text;
}

/** One place of a pattern: the words that may stand there. */
function readWord(value: Value): readonly string[] {
  const hint = 'a pattern is a list of strings and of lists of strings: ["git", ["push", "fetch"]]';
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || value.kind !== 'list')
    throw new RulesFault(`the pattern holds a ${typeName(value)}`, hint);
  if (value.items.length === 0) throw new RulesFault('the pattern holds an empty list', hint);
  return value.items.map((item) => {
    if (typeof item === 'string') return item;
    throw new RulesFault(`the alternatives hold a ${typeName(item)}`, hint);
  });
}

function readExamples(name: string, value: Value | undefined, isWanted: boolean): readonly Example[] {
  if (value === undefined) return [];
  return wantList('prefix_rule', name, value).items.map((item) => ({ argv: readExample(name, item), isWanted }));
}

function readExample(name: string, value: Value): readonly string[] {
  const hint = 'an example is a command line, or a list of words: "git status" or ["git", "status"]';
  if (typeof value === 'string') {
    const words = splitWords(value);
    if (words === null) throw new RulesFault(`an example of ${name} has an open quote`, hint);
    if (words.length === 0) throw new RulesFault(`an example of ${name} is empty`, hint);
    return words;
  }
  if (typeof value !== 'object' || value === null || value.kind !== 'list')
    throw new RulesFault(`an example of ${name} is a ${typeName(value)}`, hint);
  if (value.items.length === 0) throw new RulesFault(`an example of ${name} is empty`, hint);
  return value.items.map((item) => {
    if (typeof item === 'string') return item;
    throw new RulesFault(`an example of ${name} holds a ${typeName(item)}`, hint);
  });
}

function readExecutable(name: string, value: Value): string {
  if (typeof value !== 'string') throw new RulesFault(`the paths hold a ${typeName(value)}`, 'write paths as strings');
  if (!value.startsWith('/')) throw new RulesFault(`the path "${value}" is not absolute`, 'begin it with /');
  const path = normalPath(value);
  if (baseName(path) !== name)
    throw new RulesFault(`the path "${value}" does not end in "${name}"`, 'name and path must end alike');
  return path;
}
