/** The tree of a rule file. Every node knows where it stands. */
import type { Position } from '../problem.ts';
import type { Conversion } from './tokens.ts';

export type UnaryOperator = 'not' | '-' | '+' | '~';
export type BinaryOperator =
  | 'or'
  | 'and'
  | '=='
  | '!='
  | '<'
  | '>'
  | '<='
  | '>='
  | 'in'
  | 'not in'
  | '|'
  | '^'
  | '&'
  | '<<'
  | '>>'
  | '+'
  | '-'
  | '*'
  | '%'
  | '//';

export interface Parameter {
  readonly kind: 'plain' | 'rest' | 'separator' | 'named-rest';
  readonly name: string;
  readonly fallback: Expression | null;
  readonly at: Position;
}

export interface Argument {
  readonly kind: 'positional' | 'named' | 'rest' | 'named-rest';
  readonly name: string;
  readonly value: Expression;
}

export type Clause =
  | { readonly kind: 'for'; readonly target: Target; readonly source: Expression }
  | { readonly kind: 'if'; readonly condition: Expression };

export type FormatPiece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly value: Expression; readonly conversion: Conversion };

export interface Comprehension {
  readonly kind: 'list-comprehension' | 'dict-comprehension';
  /** the key of a dict's entry, null for a list */
  readonly key: Expression | null;
  readonly value: Expression;
  readonly clauses: readonly Clause[];
  readonly at: Position;
}

export interface Lambda {
  readonly kind: 'lambda';
  readonly parameters: readonly Parameter[];
  readonly body: Expression;
  readonly at: Position;
}

export type Expression =
  | Comprehension
  | Lambda
  | ({ readonly at: Position } & (
      | { readonly kind: 'name'; readonly name: string }
      | { readonly kind: 'constant'; readonly value: string | bigint }
      | { readonly kind: 'format'; readonly pieces: readonly FormatPiece[] }
      | { readonly kind: 'list' | 'tuple'; readonly items: readonly Expression[] }
      | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
      | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expression }
      | {
          readonly kind: 'binary';
          readonly operator: BinaryOperator;
          readonly left: Expression;
          readonly right: Expression;
        }
      | {
          readonly kind: 'choice';
          readonly condition: Expression;
          readonly yes: Expression;
          readonly no: Expression;
        }
      | { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Argument[] }
      | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
      | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
      | {
          readonly kind: 'slice';
          readonly object: Expression;
          readonly bounds: readonly [Expression | null, Expression | null, Expression | null];
        }
    ));

export type Target = { readonly at: Position } & (
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | { readonly kind: 'unpack'; readonly targets: readonly Target[] }
);

export interface Definition {
  readonly kind: 'def';
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  readonly at: Position;
}

export interface Branch {
  readonly condition: Expression;
  readonly body: readonly Statement[];
}

export type Statement =
  | Definition
  | ({ readonly at: Position } & (
      | { readonly kind: 'expression'; readonly value: Expression }
      | { readonly kind: 'assign'; readonly target: Target; readonly value: Expression }
      | {
          readonly kind: 'modify';
          readonly target: Target;
          readonly operator: BinaryOperator;
          readonly value: Expression;
        }
      | {
          readonly kind: 'if';
          readonly branches: readonly Branch[];
          readonly otherwise: readonly Statement[];
        }
      | {
          readonly kind: 'for';
          readonly target: Target;
          readonly source: Expression;
          readonly body: readonly Statement[];
        }
      | { readonly kind: 'return'; readonly value: Expression | null }
      | { readonly kind: 'break' | 'continue' | 'pass' }
    ));
