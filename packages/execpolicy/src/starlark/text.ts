/** str() and repr() of values. */
import { BOUNDS } from '../bounds.ts';
import { RulesFault } from '../problem.ts';
import type { Budget } from './budget.ts';
import type { Value } from './values.ts';

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\' };

/** A string in double quotes; what is no printable ASCII, and no letter or digit above Latin-1, becomes an escape. */
function quoted(text: string): string {
  let out = '"';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const escape = ESCAPES[char];
    if (escape !== undefined) out += escape;
    else if (code >= 0x20 && code < 0x7f) out += char;
    else if (code > 0xff && /[\p{Alphabetic}\p{N}]/u.test(char)) out += char;
    else if (code < 0x100) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code < 0x1_0000) out += `\\u${code.toString(16).padStart(4, '0')}`;
    else out += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `${out}"`;
}

export const str = (value: Value, budget: Budget): string => (typeof value === 'string' ? value : repr(value, budget));

export function repr(value: Value, budget: Budget): string {
  return new Printer(budget).print(value);
}

class Printer {
  readonly #budget: Budget;
  readonly #open: Value[] = [];

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  print(value: Value): string {
    this.#budget.step();
    const text = this.#text(value);
    this.#budget.make(text.length);
    return text;
  }

  #text(value: Value): string {
    if (value === null) return 'None';
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    if (typeof value === 'bigint') return value.toString();
    if (typeof value === 'string') return quoted(value);
    if (value.kind === 'function' || value.kind === 'builtin') return value.name;
    if (value.kind === 'elements') return 'iterator';
    if (value.kind === 'range') {
      const { start, stop, step } = value;
      if (step !== 1n) return `range(${start}, ${stop}, ${step})`;
      return start === 0n ? `range(${stop})` : `range(${start}, ${stop})`;
    }
    if (this.#open.includes(value)) return value.kind === 'dict' ? '{...}' : '[...]';
    if (this.#open.length >= BOUNDS.valueDepth) throw tooDeep();
    this.#open.push(value);
    const text = this.#compound(value);
    this.#open.pop();
    return text;
  }

  #compound(value: Extract<Value, { readonly kind: 'list' | 'tuple' | 'dict' }>): string {
    if (value.kind === 'dict')
      return `{${[...value.entries.values()].map(([key, item]) => `${this.print(key)}: ${this.print(item)}`).join(', ')}}`;
    const inner = value.items.map((item) => this.print(item)).join(', ');
    if (value.kind === 'list') return `[${inner}]`;
    return value.items.length === 1 ? `(${inner},)` : `(${inner})`;
  }
}

export const tooDeep = (): RulesFault =>
  new RulesFault(`a value of more than ${BOUNDS.valueDepth} levels`, 'use flat lists');
