/**
 * Starlark programs from a seed, of the part that the Go implementation and rule files share. They emit values as they
 * go, so that a program that fails says where. `ours` has f-strings where `theirs`, which knows none, has `%`.
 */
import { randomFrom } from '../../fuzz/harness.ts';

export interface Program {
  readonly ours: string;
  readonly theirs: string;
}

type Kind = 'int' | 'str' | 'list' | 'bool' | 'dict' | 'tuple';
const KINDS: readonly Kind[] = ['int', 'str', 'list', 'bool', 'dict', 'tuple'];
const LEAVES: Readonly<Record<Kind, readonly string[]>> = {
  int: ['0', '1', '-1', '2', '7', '10', '255', '99', '0x1f', '-13'],
  str: [
    '""',
    '"a"',
    '"abc"',
    '"a,b,c"',
    '" x y  z "',
    '"Hello World"',
    '"12"',
    '"a\\"b\\\\\\n"',
    "'it''s'".replace("''", '"'),
    '"aaaa"',
  ],
  list: ['[]', '[1, 2, 3]', '["a", "b"]', '[3, 1, 2]', '[[1], [2]]', '[("a", 1), ("b", 2)]', '[0, "", None]'],
  bool: ['True', 'False', 'None'],
  dict: ['{}', '{"a": 1}', '{"a": 1, "b": [2]}', '{1: "x", (1, 2): "y"}'],
  tuple: ['()', '(1,)', '(1, "a")', '(2, (3, 4))'],
};

/** A hole is a kind in angle brackets; a name before a colon is a variable of the comprehension around it. */
const FORMS: Readonly<Record<Kind, readonly string[]>> = {
  int: [
    '<int> + <int>',
    '<int> - <int>',
    '<int> * <int>',
    '<int> // <int>',
    '<int> % <int>',
    '-<int>',
    '~<int>',
    '<int> & <int>',
    '<int> | <int>',
    '<int> ^ <int>',
    '(<int> & 15) << 3',
    '<int> >> 2',
    'len(<str>)',
    'len(<list>)',
    'len(<dict>)',
    '<str>.find(<str>)',
    '<str>.rfind(<str>)',
    '<str>.count(<str>)',
    '<str>.index("")',
    'int("12")',
    'max(<int>, <int>)',
    'min([<int>, <int>])',
    'max(<str>, <str>)',
    '[<int>, 1].index(1)',
    'ord("a")',
    '[<int>, 2, 3][<int> % 3]',
    '{1: 2}.get(<int>, 3)',
    '(lambda a, b = 2: a * b)(<int>)',
    'len(range(<int>))',
  ],
  str: [
    '<str> + <str>',
    '<str> * (<int> & 3)',
    '<str>.upper()',
    '<str>.lower()',
    '<str>.title()',
    '<str>.capitalize()',
    '<str>.strip()',
    '<str>.strip(<str> + "x")',
    '<str>.lstrip("a ")',
    '<str>.rstrip()',
    '<str>.replace(<str>, <str>)',
    '<str>.join([<str>, <str>])',
    '(<str> + "z")[0]',
    '<str>[<int>:<int>]',
    '<str>[::-1]',
    'str(<any>)',
    'repr(<any>)',
    '"%s|%r" % (<any>, <any>)',
    '"%d %x" % (<int>, <int>)',
    '"{} {}".format(<any>, <any>)',
    '"{a}{b!r}".format(a = <any>, b = <any>)',
    '⟦<any>⟧',
    'type(<any>)',
    '<str> if <any> else <str>',
    '<str>.partition("a")[0]',
    'chr(97 + (<int> & 7))',
    '<str>.replace(<str>, <str>, <int> & 3)',
  ],
  list: [
    '<list> + <list>',
    '<list> * (<int> & 3)',
    '[<any>, <any>]',
    'sorted([<int>, <int>])',
    'sorted([<str>, <str>], reverse = True)',
    'sorted([<str>, <str>, <str>], key = len)',
    'reversed(<list>)',
    '<list>[<int>:]',
    '<list>[<int>:<int>:<int>]',
    '<str>.split(<str> + ",")',
    '<str>.split()',
    '<str>.split(" ", <int>)',
    '<str>.rsplit(",", 1)',
    '<str>.splitlines()',
    'list(<dict>)',
    'list(<tuple>)',
    '<dict>.keys()',
    '<dict>.values()',
    '<dict>.items()',
    'list(range(<int> & 7))',
    'list(range(<int> & 7, <int> & 7, <int>))',
    '[(v, v) for v in <list>]',
    '[v for v in <list> if v]',
    '[str(v) + str(w) for v in <list> for w in <list>]',
    'zip(<list>, <list>)',
    'enumerate(<list>)',
    'list(<str>.elems())',
    '<list> or <list>',
    '[k for k, v in [(<any>, <any>)]]',
    '[c.upper() for c in <str>.elems() if c not in <str>]',
  ],
  bool: [
    '<any> == <any>',
    '<any> != <any>',
    '<int> < <int>',
    '<str> <= <str>',
    '[<int>] > [<int>, <int>]',
    '<any> in <list>',
    '<str> in <dict>',
    '<str> in <str>',
    '<any> not in <tuple>',
    'not <any>',
    '<bool> and <any>',
    '<bool> or <any>',
    'any(<list>)',
    'all(<list>)',
    'bool(<any>)',
    '<str>.startswith(<str>)',
    '<str>.endswith((<str>, <str>))',
    '<str>.isalpha()',
    '<str>.isdigit()',
    '<str>.isspace()',
    '<str>.isupper()',
    '<str>.islower()',
    '<str>.istitle()',
    '<str>.isalnum()',
    '(<int>, <str>) < (<int>, <str>)',
    '<tuple> < <tuple>',
  ],
  dict: [
    '{<str>: <any>}',
    '{<int>: <any>, <str>: <any>}',
    'dict([(<str>, <any>)])',
    'dict(a = <any>)',
    '{v: 1 for v in [<str>, <int>]}',
    '{k: v for k, v in <dict>.items()}',
    'dict(<dict>, b = <any>)',
    '{<str>: 1, <int>: 2}',
  ],
  tuple: [
    '(<any>, <any>)',
    'tuple(<list>)',
    '<tuple> + <tuple>',
    '<tuple> * (<int> & 3)',
    '<str>.partition(",")',
    '<str>.rpartition(<str> + " ")',
    '<tuple>[<int>:]',
    '(lambda *a, **k: (a, k))(<any>, x = <any>)',
  ],
};

const STATEMENTS: readonly string[] = [
  'x = <any>',
  'y = <list>',
  'emit(<any>)',
  'emit(x)',
  'y += <list>',
  'y.append(<any>)',
  'z[<str>] = <any>',
  'x, w = (<any>, <any>)',
  'y.extend(<list>)',
  'emit(y.pop())',
  'emit(z.pop(<str>, 0))',
  'y.insert(<int>, <any>)',
  'y.remove(y[0])',
  'y[0] = <any>',
  'z.update(<dict>)',
  'emit(z.setdefault(<str>, <any>))',
  'x = f(<any>)',
  'emit(g(<any>, <any>))',
  'emit(g(b = <any>, a = <any>))',
  'emit(h(<any>, <any>, k = <any>))',
  'for v in <list>:\n    emit(v)',
  'for v in y:\n    if v == <any>:\n        continue\n    emit(v)\n    if <bool>:\n        break',
  'if <any>:\n    emit(<any>)\nelif <any>:\n    x = <any>\nelse:\n    emit(<any>)',
  'for v in y:\n    y.append(v)\n    emit(v)',
  'w = f',
  'emit(w)',
  'for k, v in <dict>.items():\n    z[k] = v',
  'emit((x, y, z))',
  'x = str(x) + <str>',
  'emit(z.popitem())',
  'y *= 2',
];

const PRELUDE = `x = 1
y = [1, 2]
z = {"k": "v"}
w = 0
def f(a):
    if a == 1:
        return "one"
    b = [a]
    def inner(c = a):
        return (b, c)
    return inner()
def g(a, b = 3):
    for i in range(3):
        if i == a:
            return (i, b)
    return [a, b]
def h(a, *rest, k = None, **more):
    return (a, rest, k, more)
`;

class Writer {
  readonly #random: (below: number) => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  #pick(list: readonly string[]): string {
    return list[this.#random(list.length)] ?? 'None';
  }

  /** Now and then of another kind than asked for: errors must agree as well. */
  #kind(asked: string): Kind {
    const any = KINDS[this.#random(KINDS.length)] ?? 'int';
    return KINDS.find((kind) => kind === asked && this.#random(90) > 0) ?? any;
  }

  expression(asked: string, depth: number): string {
    const kind = this.#kind(asked);
    if (depth <= 0 || this.#random(3) === 0)
      return this.#random(8) === 0 ? this.#pick(['x', 'list(y)', 'dict(z)']) : this.#pick(LEAVES[kind]);
    return `(${this.fill(this.#pick(FORMS[kind]), depth - 1)})`;
  }

  fill(form: string, depth: number): string {
    return form.replaceAll(/<(\w+)>/g, (_, kind: string) => this.expression(kind, depth));
  }

  program(): string {
    const lines = Array.from({ length: 2 + this.#random(8) }, () => this.fill(this.#pick(STATEMENTS), this.#random(4)));
    return `${PRELUDE}${lines.join('\n')}\n`;
  }
}

/** `⟦value⟧` is an f-string in ours and a format in theirs. Values in braces may not hold a quote of the f-string's kind. */
export function makeProgram(seed: number): Program {
  const text = new Writer(seed).program();
  let [ours, theirs] = [text, text];
  for (let found = innermost(ours); found !== null; found = innermost(ours)) {
    const value = `(${found.value})`;
    ours = ours.replace(found.whole, () => `f"""<{${value} != 0}>{${value}}{${value}!r}"""`);
  }
  for (let found = innermost(theirs); found !== null; found = innermost(theirs))
    theirs = theirs.replace(
      found.whole,
      () => `("<%s>%s%r" % ((${found.value}) != 0, (${found.value}), (${found.value})))`,
    );
  return { ours, theirs };
}

function innermost(text: string): { readonly whole: string; readonly value: string } | null {
  const found = /⟦([^⟦⟧]*)⟧/.exec(text);
  return found === null ? null : { whole: found[0], value: found[1] ?? '' };
}
