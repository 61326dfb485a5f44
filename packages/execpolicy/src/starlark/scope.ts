/** Where names live while a file runs: one scope for the file, one for each call and comprehension. */
import { RulesFault } from '../problem.ts';
import type { Environment, Value } from './values.ts';

export class Scope implements Environment {
  readonly #names: ReadonlySet<string>;
  readonly #parent: Environment | null;
  readonly #values = new Map<string, Value>();

  constructor(names: ReadonlySet<string>, parent: Environment | null) {
    this.#names = names;
    this.#parent = parent;
  }

  get(name: string): Value {
    if (!this.#names.has(name)) {
      if (this.#parent !== null) return this.#parent.get(name);
      throw new RulesFault(`the name \`${name}\` is not known`, 'quote it if it is text, or assign it');
    }
    const value = this.#values.get(name);
    if (value === undefined) throw new RulesFault(`\`${name}\` is used before it is assigned`, 'assign it first');
    return value;
  }

  /** Assignments bind in the scope that owns the name, which the resolver made the innermost one. */
  set(name: string, value: Value): void {
    if (this.#names.has(name)) this.#values.set(name, value);
    else this.#parent?.set(name, value);
  }
}
