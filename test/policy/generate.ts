/** Makes rule files and commands from a seed: most are read, many match, some are broken on purpose. */
import { randomFrom } from '../fuzz/harness.ts';

export interface CheckCase {
  readonly name: string;
  readonly files: readonly string[];
  readonly argv: readonly string[];
  readonly resolve: boolean;
}

const WORDS = [
  'git',
  'rm',
  'npm',
  'status',
  'push',
  '-rf',
  '--force',
  'run',
  'a b',
  "it's",
  'é',
  '',
  '/',
  'x=1',
  '"q"',
  '\\',
];
const HEADS = ['git', 'rm', 'npm', 'é', 'a b'];
const PATHS = [
  '/usr/bin/git',
  '/bin/rm',
  '/opt/npm',
  './git',
  'git/',
  '/usr//bin/git',
  '/usr/bin/../bin/git',
  '/bin/git',
  '~/git',
];

class Maker {
  readonly #random: (below: number) => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  below(limit: number): number {
    return this.#random(limit);
  }

  pick<T>(list: readonly T[], otherwise: T): T {
    return list[this.below(list.length)] ?? otherwise;
  }

  some<T>(most: number, make: () => T): readonly T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  word(): string {
    return this.pick(WORDS, 'x');
  }

  /** A string literal in one of its forms. */
  literal(text: string): string {
    const plain = JSON.stringify(text);
    switch (this.below(8)) {
      case 0:
        return `"%s" % ${plain}`;
      case 1:
        return `"{}".format(${plain})`;
      case 2:
        return `f"{${plain.replaceAll('"', "'").includes('\\') || text.includes("'") ? '"%s" % \'\' + ""' : plain.replaceAll('"', "'")}}" + ${text.includes("'") || text.includes('\\') || text.includes('"') ? plain : '""'}`;
      case 3:
        return `(${plain} if True else 1)`;
      case 4:
        return `"".join([${plain}])`;
      default:
        return plain;
    }
  }

  list(words: readonly string[]): string {
    return `[${words.map((word) => this.literal(word)).join(', ')}${this.below(4) === 0 && words.length > 0 ? ',' : ''}]`;
  }

  pattern(): readonly (readonly string[])[] {
    const head = this.below(4) === 0 ? [this.pick(HEADS, 'git'), this.pick(HEADS, 'rm')] : [this.pick(HEADS, 'git')];
    return [head, ...this.some(2, () => (this.below(3) === 0 ? [this.word(), this.word()] : [this.word()]))];
  }

  patternText(pattern: readonly (readonly string[])[]): string {
    return `[${pattern
      .map((words) => (words.length === 1 && this.below(5) > 0 ? this.literal(words[0] ?? '') : this.list(words)))
      .join(', ')}]`;
  }

  command(pattern: readonly (readonly string[])[]): readonly string[] {
    const words = pattern.map((options) => this.pick(options, ''));
    const more = this.some(2, () => this.word());
    return this.below(6) === 0 ? [this.pick(PATHS, '/bin/rm'), ...words.slice(1), ...more] : [...words, ...more];
  }

  example(argv: readonly string[]): string {
    if (this.below(2) === 0) return this.list(argv);
    return JSON.stringify(
      argv.map((word) => (/^[\w./=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' '),
    );
  }

  rule(): string {
    const pattern = this.pattern();
    const parts = [`pattern = ${this.patternText(pattern)}`];
    if (this.below(3) > 0)
      parts.push(
        `decision = "${this.pick(['allow', 'prompt', 'forbidden', 'forbidden', this.below(30) === 0 ? 'deny' : 'prompt'], 'allow')}"`,
      );
    if (this.below(3) === 0)
      parts.push(`match = [${this.some(2, () => this.example(this.command(pattern))).join(', ')}]`);
    if (this.below(5) === 0)
      parts.push(`not_match = [${this.some(1, () => this.example([this.word(), this.word()])).join(', ')}]`);
    if (this.below(4) === 0)
      parts.push(
        `justification = ${this.literal(this.pick(['why', 'a "reason"', this.below(9) === 0 ? ' ' : 'é\n'], 'x'))}`,
      );
    return `prefix_rule(${parts.join(', ')})`;
  }

  statement(): string {
    switch (this.below(12)) {
      case 0:
        return `for h in ${this.list([this.pick(HEADS, 'rm'), this.pick(HEADS, 'git')])}:\n    prefix_rule(pattern = [h, ${this.literal(this.word())}], decision = "prompt")`;
      case 1:
        return `def deny(*names, why = None):\n    for name in names:\n        if why:\n            prefix_rule([name], "forbidden", justification = why)\n        else:\n            prefix_rule([name], "forbidden")\ndeny(${this.literal(this.pick(HEADS, 'rm'))}${this.below(2) === 0 ? ', why = "no"' : ''})`;
      case 2:
        return `[prefix_rule([h], decision = d) for h, d in [(${this.literal('git')}, "prompt"), (${this.literal('npm')}, "allow")] if h != ${this.literal(this.word())}]`;
      case 3:
        return `host_executable(name = "${this.pick(['git', 'rm'], 'git')}", paths = ${this.list(this.some(2, () => this.pick(['/usr/bin/git', '/bin/git', this.below(9) === 0 ? '/bin/rm' : '/usr//bin/./git'], '/bin/git')))})`;
      case 4:
        return `network_rule(${this.literal(this.pick(['a.example', 'A.B.:80', '[::1]:3', this.below(9) === 0 ? '*.x' : 'h'], 'h'))}, "${this.pick(['http', 'https', 'socks5_tcp'], 'http')}", "${this.pick(['allow', 'deny', 'prompt'], 'allow')}")`;
      case 5:
        return `# remark\nx = {"k": ${this.list([this.word(), this.word()])}}\nprefix_rule([${this.literal('git')}, x["k"]], "prompt")`;
      default:
        return this.rule();
    }
  }

  /** One character or line less, more or elsewhere. */
  broken(text: string): string {
    const at = this.below(text.length + 1);
    return (
      text.slice(0, at) + this.pick(['', ')', '"', '\n', ' ', '1', ',', '=', ':'], '') + text.slice(at + this.below(3))
    );
  }
}

export function makeCase(seed: number): CheckCase {
  const maker = new Maker(seed);
  const files = Array.from({ length: 1 + maker.below(3) }, () => {
    const text = `${Array.from({ length: 1 + maker.below(5) }, () => maker.statement()).join('\n')}\n`;
    return maker.below(8) === 0 ? maker.broken(text) : text;
  });
  return { name: `seed ${seed}`, files, argv: maker.command(maker.pattern()), resolve: maker.below(2) === 0 };
}
