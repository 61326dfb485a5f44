/** What may stand left of `=` and behind `for`. */
import { RulesFault } from '../problem.ts';
import type { Expression, Target } from './ast.ts';

export function toTarget(expression: Expression): Target {
  const { at } = expression;
  if (expression.kind === 'name') return { kind: 'name', name: expression.name, at };
  if (expression.kind === 'index') return { kind: 'index', object: expression.object, index: expression.index, at };
  if (expression.kind === 'list' || expression.kind === 'tuple')
    return { kind: 'unpack', targets: expression.items.map(toTarget), at };
  throw new RulesFault('nothing can be assigned to this', 'assign to a name, to x[i], or to several with commas', at);
}

export function namesOf(target: Target): readonly string[] {
  if (target.kind === 'name') return [target.name];
  return target.kind === 'unpack' ? target.targets.flatMap(namesOf) : [];
}
