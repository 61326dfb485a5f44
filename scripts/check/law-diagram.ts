/** The dependency law as a Mermaid diagram and a table. `base` and `protocol` are everyone's and stay out of the arrows. */
const EVERYONES: ReadonlySet<string> = new Set(['base', 'protocol']);

export function lawDiagram(mayImport: Readonly<Record<string, readonly string[]>>): string {
  const rooms = Object.entries(mayImport);
  const arrows = rooms.flatMap(([room, allowed]) =>
    allowed.filter((target) => !EVERYONES.has(target)).map((target) => `  ${nodeOf(room)} --> ${nodeOf(target)}`),
  );
  const rows = rooms.map(
    ([room, allowed]) => `| \`${room}\` | ${allowed.map((name) => `\`${name}\``).join(', ') || 'nothing'} |`,
  );
  return ['```mermaid', 'graph TD', ...arrows, '```', '', '| room | may import |', '|---|---|', ...rows].join('\n');
}

function nodeOf(room: string): string {
  return `${room.replace(/[^a-z]/g, '_')}["${room}"]`;
}
