/** The key that leaves an attached terminal, as people write it, and as the byte that the terminal sends. */
import { UsageError } from '../command.ts';

export interface Key {
  readonly byte: number;
  readonly label: string;
}

const CONTROL = 0x1f;

/** `ctrl-]`, `^]`, `ctrl-a`. */
export function parseKey(text: string): Key {
  const letter = /^(?:ctrl[-+]|\^)([a-z@[\\\]^_])$/i.exec(text)?.[1]?.toUpperCase();
  if (letter === undefined) throw new UsageError(`\`${text}\` is not a key; write it as ctrl-] or ctrl-a`);
  return { byte: letter.charCodeAt(0) & CONTROL, label: `Ctrl-${letter}` };
}
