/**
 * The rules in force in this box: read from their directories, renewed when these change, asked about programs and
 * connections, and added to. A file that cannot be read keeps what it last said; a team's file that never could forbids
 * everything, and one of a user or a project keeps whatever it is from leaving the sandbox.
 */
import path from 'node:path';
import { Emitter, type Signal } from '@agentbox/base';
import {
  type Layer,
  type LayeredSource,
  type Policy,
  problemText,
  type RulesProblem,
  reloadRules,
} from '@agentbox/execpolicy';
import { AgentboxError, type ExecEntry, type ExecFacts } from '@agentbox/protocol';
import { type Amended, amendFile, type Flock, type Preview, previewRule } from './amend.ts';
import { type DecideContext, decide, type RulesInForce } from './decide.ts';
import { compileHeads, type Heads } from './heads.ts';
import { readLastGood, writeLastGood } from './last-good.ts';
import { decideNetwork, type NetworkProtocol, type NetworkVerdict } from './network.ts';
import { codeOf, type RulesDirectory, readSources } from './sources.ts';
import type { Unmatched, Verdict } from './verdict.ts';
import { RulesWatch } from './watch.ts';

export interface ExecPolicyOptions {
  /** lowest precedence first; a project's only when its folder is trusted */
  readonly sources: readonly RulesDirectory[];
  /** a file of one of the sources */
  readonly amendFile: string;
  readonly unmatched: Unmatched;
  /** what `~` means in rules */
  readonly home: string | null;
  /** where texts that were in force are kept over restarts; null: nowhere */
  readonly lastGoodFile: string | null;
  readonly flock: Flock;
  /** hears of each problem once, as one line with file, line and column */
  readonly onProblem: (text: string) => void;
}

interface PolicyFigures {
  readonly rules: number;
  readonly files: readonly string[];
  readonly problems: readonly string[];
}

export interface ExecPolicy {
  /** from 1; grows with each change */
  readonly version: number;
  /** the new version, after it is in force */
  readonly changed: Signal<number>;
  decide(facts: ExecFacts, context: DecideContext): Verdict;
  /** names for which decide() may say anything but run */
  heads(): Heads;
  network(host: string, port: number, protocol: NetworkProtocol): NetworkVerdict;
  problems(): readonly string[];
  figures(): PolicyFigures;
  amend(prefix: readonly string[]): Promise<Amended>;
  preview(prefix: readonly string[], past: readonly ExecEntry[]): Preview;
  reload(): void;
  close(): void;
}

export function openExecPolicy(options: ExecPolicyOptions): Promise<ExecPolicy> {
  const directories = options.sources.map((one) => ({ ...one, directory: path.resolve(one.directory) }));
  const file = path.resolve(options.amendFile);
  const isRead = directories.some(({ directory }) => directory === path.dirname(file));
  if (!isRead || !file.endsWith('.rules')) {
    const message = `${file} is no *.rules file of the directories that rules are read from, so nothing may be added to it`;
    return Promise.reject(new AgentboxError('CONFIG_INVALID', message));
  }
  return Promise.resolve(new LivePolicy({ ...options, sources: directories, amendFile: file }));
}

interface Loaded {
  /** all that was read, to know whether it is another by now */
  readonly content: string;
  /** what the next reading goes back to */
  readonly standing: Policy;
  readonly rules: RulesInForce;
  readonly heads: Heads;
  readonly problems: readonly string[];
  readonly broken: ReadonlySet<string>;
}

class LivePolicy implements ExecPolicy {
  readonly #options: ExecPolicyOptions;
  readonly #changed: Emitter<number>;
  readonly #watch: RulesWatch;
  readonly #lastGood = new Map<string, LayeredSource>();
  #loaded: Loaded | null = null;
  #version = 0;

  constructor(options: ExecPolicyOptions) {
    this.#options = options;
    this.#changed = new Emitter(() => options.onProblem('a listener of the rules failed'));
    this.#watch = new RulesWatch(
      options.sources.map(({ directory }) => directory),
      () => this.reload(),
    );
    if (options.lastGoodFile !== null)
      for (const source of readLastGood(options.lastGoodFile)) this.#lastGood.set(keyOf(source), source);
    this.reload();
  }

  get version(): number {
    return this.#version;
  }

  get changed(): Signal<number> {
    return this.#changed;
  }

  decide(facts: ExecFacts, context: DecideContext): Verdict {
    return decide(this.#now.rules, facts, context);
  }

  heads(): Heads {
    return this.#now.heads;
  }

  network(host: string, port: number, protocol: NetworkProtocol): NetworkVerdict {
    const { policy, suspendedBy } = this.#now.rules;
    return decideNetwork({ policy, suspendedBy, amendFile: this.#options.amendFile }, { host, port, protocol });
  }

  problems(): readonly string[] {
    return this.#now.problems;
  }

  figures(): PolicyFigures {
    const { rules, problems } = this.#now;
    const { files, networkRules } = rules.policy;
    const prefixRules = files.flatMap(({ claims }) => claims.flatMap((claim) => claim.rules));
    return { rules: prefixRules.length + networkRules.length, files: files.map(({ name }) => name), problems };
  }

  async amend(prefix: readonly string[]): Promise<Amended> {
    const { amendFile: file, flock } = this.#options;
    this.reload();
    if (this.#now.broken.has(file) || this.#now.broken.has(path.dirname(file)))
      return { kind: 'refused', reason: `${file} cannot be read, so nothing is added to it` };
    const amended = await amendFile(file, prefix, flock);
    this.reload();
    return amended;
  }

  preview(prefix: readonly string[], past: readonly ExecEntry[]): Preview {
    return previewRule(prefix, past);
  }

  reload(): void {
    this.#watch.arm();
    const { sources, unmatched, home } = this.#options;
    const before = this.#loaded;
    const previous = before?.standing ?? reloadRules(null, [...this.#lastGood.values()], { cwd: null, home }).policy;
    const read = readSources(
      sources,
      previous.files.map(({ name }) => name),
    );
    const content = JSON.stringify(read);
    if (before?.content === content) return;
    const { policy, problems } = reloadRules(previous, read, { cwd: null, home });
    const suspended = policy.unreadable.find(({ layer }) => layer !== 'team');
    const inForce = { ...policy, unreadable: policy.unreadable.filter(({ layer }) => layer === 'team') };
    this.#loaded = {
      content,
      standing: policy,
      rules: { policy: inForce, suspendedBy: suspended?.name ?? null, unmatched, home },
      heads: compileHeads(inForce, unmatched),
      problems: [...new Set(problems.map((problem) => sentence(problem, policy)))],
      broken: brokenNames(read, problems),
    };
    this.#keep(read);
    this.#version += 1;
    for (const text of this.#loaded.problems)
      if (before?.problems.includes(text) !== true) this.#options.onProblem(text);
    this.#changed.emit(this.#version);
  }

  close(): void {
    this.#watch.close();
  }

  get #now(): Loaded {
    if (this.#loaded === null) throw new AgentboxError('INTERNAL', 'the rules are asked before they are read');
    return this.#loaded;
  }

  /** What is in force now is what a later mistake goes back to; a file that was taken away is forgotten. */
  #keep(read: readonly LayeredSource[]): void {
    const { lastGoodFile, onProblem } = this.#options;
    const before = JSON.stringify([...this.#lastGood]);
    const present = new Map(read.map((source) => [keyOf(source), source]));
    for (const key of this.#lastGood.keys()) if (!present.has(key)) this.#lastGood.delete(key);
    for (const [key, source] of present)
      if (this.#loaded?.broken.has(source.name) === false) this.#lastGood.set(key, source);
    if (lastGoodFile === null || JSON.stringify([...this.#lastGood]) === before) return;
    try {
      writeLastGood(lastGoodFile, [...this.#lastGood.values()]);
    } catch (fault) {
      onProblem(`${lastGoodFile}:1:1: the rules in force cannot be kept for a restart (${codeOf(fault)})`);
    }
  }
}

const keyOf = ({ layer, name }: { readonly layer: Layer; readonly name: string }): string => `${layer} ${name}`;

function brokenNames(read: readonly LayeredSource[], problems: readonly RulesProblem[]): ReadonlySet<string> {
  const unusable = read.filter((source) => source.unusable !== undefined).map(({ name }) => name);
  return new Set([...unusable, ...problems.map(({ file }) => file)]);
}

function sentence(problem: RulesProblem, { unreadable }: Policy): string {
  const lost = unreadable.find(({ name }) => name === problem.file);
  const then =
    lost === undefined
      ? 'its last good version stays in force'
      : lost.layer === 'team'
        ? 'everything is forbidden until it can be read'
        : 'its rules are not in force, the others are, and nothing leaves the sandbox until it can be read';
  return `${problemText(problem)}; ${problem.hint}; ${then}`;
}
