/** The fixed list, in order. What a run does not try it does not show: there is no silent skip. */
import type { AttackCase } from './attack-case.ts';
import { controlPlane } from './cases/control-plane.ts';
import { files } from './cases/files.ts';
import { kernel } from './cases/kernel.ts';
import { network } from './cases/network.ts';
import { processes } from './cases/processes.ts';
import { programs } from './cases/programs.ts';
import { resources } from './cases/resources.ts';
import { secrets } from './cases/secrets.ts';

const ATTACKS: readonly AttackCase[] = [
  ...files,
  ...kernel,
  ...processes,
  ...network,
  ...resources,
  ...secrets,
  ...programs,
  ...controlPlane,
];

/** `only` names groups and cases, such as `G57,A`; an unknown word is answered with undefined. */
export function chosenAttacks(only: string | undefined): readonly AttackCase[] | undefined {
  if (only === undefined) return ATTACKS;
  const words = only
    .split(',')
    .map((word) => word.trim().toUpperCase())
    .filter((word) => word !== '');
  const isNamed = (attack: AttackCase, word: string): boolean => attack.id === word || attack.id.slice(0, 1) === word;
  const known = words.every((word) => ATTACKS.some((attack) => isNamed(attack, word)));
  if (!known || words.length === 0) return undefined;
  return ATTACKS.filter((attack) => words.some((word) => isNamed(attack, word)));
}
