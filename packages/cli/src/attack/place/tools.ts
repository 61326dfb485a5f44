/** Which programs an attack finds inside: what is missing there makes a try inapplicable, with its name. */
import type { DoorClient } from '../door-client.ts';

export const TOOLS: readonly string[] =
  'python3 perl node awk bash busybox git make tar vim ssh curl find xargs env setsid nohup timeout nice bwrap unshare cc mount dd '
    .concat('script sed ionice stdbuf chroot flock taskset gdb passwd base64 cp')
    .split(' ');

export async function toolsInside(client: DoorClient, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { output } = await client.shell(
    `for t in ${names.join(' ')}; do command -v "$t" >/dev/null 2>&1 && echo "has $t"; done; exit 0`,
  );
  return new Set([...output.matchAll(/^has (\S+)$/gm)].flatMap(([, name]) => name ?? []));
}
