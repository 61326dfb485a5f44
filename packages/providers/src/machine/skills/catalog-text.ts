/**
 * Every skill as one line of a bounded text: long descriptions are cut to an even share, and no skill is dropped. Paths
 * are short because the roots stand above as aliases.
 */
import type { Skill } from '@agentbox/control-plane';

const ELLIPSIS = '...';

export function catalogText(skills: readonly Skill[], maxBytes: number): string {
  const roots = [...new Set(skills.map((skill) => skill.root))];
  const aliases = roots.map((root, index) => `r${index + 1} = ${root}\n`);
  const frames = skills.map((skill) => frameOf(skill, roots));
  const fixed = [...aliases, ...frames.map(({ before, after }) => before + after)];
  const room = maxBytes - fixed.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  const share = evenShare(
    skills.map(({ description }) => Buffer.byteLength(description)),
    Math.max(room, 0),
  );
  const lines = skills.map((skill, index) => {
    const { before, after } = frames[index] ?? { before: '', after: '' };
    return before + cut(skill.description, share) + after;
  });
  return aliases.join('') + lines.join('');
}

/** What a line has around its description, which alone is cut. */
function frameOf(skill: Skill, roots: readonly string[]): { readonly before: string; readonly after: string } {
  const alias = `r${roots.indexOf(skill.root) + 1}`;
  return {
    before: `- ${skill.name}: `,
    after: ` (file: ${alias}${skill.instructionFile.slice(skill.root.length)})\n`,
  };
}

/** The length up to which every description may go, so that all together fit. */
function evenShare(lengths: readonly number[], room: number): number {
  const sorted = lengths.toSorted((a, b) => a - b);
  let left = room;
  for (const [index, length] of sorted.entries()) {
    const share = Math.floor(left / (sorted.length - index));
    if (length > share) return share;
    left -= length;
  }
  return Number.MAX_SAFE_INTEGER;
}

function cut(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  let kept = '';
  let bytes = ELLIPSIS.length;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept === '' ? '' : kept.trimEnd() + ELLIPSIS;
}
