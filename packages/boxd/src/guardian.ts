/**
 * A shell that outlives the daemon for a moment: it waits on a pipe, and when the daemon is gone without a word it
 * kills whatever is in the daemon's groups or carries its tags, round by round until nothing is left. It runs no code of the daemon, so a
 * daemon that was killed, crashed or ran out of memory is guarded alike.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { ExitStatus } from '@agentbox/protocol';
import { type Libc, openPipe } from './native/libc.ts';
import type { Reaper } from './native/reaper.ts';
import type { Spawner } from './native/spawn.ts';
import type { Tags } from './native/tag.ts';
import type { Tracking } from './process/tracking.ts';

export interface Guardian {
  readonly pid: number;
  /** the daemon ends in order: there is nothing left to kill */
  dismiss(): void;
}

const SCRIPT = `
trap '' HUP INT QUIT TERM PIPE
read -r word
[ "$word" = dismissed ] && exit 0
group_pids() {
  find "$1" -name cgroup.procs -exec cat {} + 2>/dev/null
}
kill_group() {
  [ -n "$1" ] && [ -d "$1" ] || return 1
  if [ -z "$(group_pids "$1")" ]; then
    find "$1" -depth -type d -exec rmdir {} \\;
    return 1
  fi
  [ -w "$1/freezer.state" ] && echo FROZEN > "$1/freezer.state"
  [ -w "$1/cgroup.kill" ] && echo 1 > "$1/cgroup.kill"
  for pid in $(group_pids "$1"); do [ "$pid" -gt 1 ] && kill -9 "$pid"; done
  [ -w "$1/freezer.state" ] && echo THAWED > "$1/freezer.state"
  return 0
}
rounds=0
while [ $rounds -lt 400 ]; do
  rounds=$((rounds + 1))
  found=
  kill_group "$2" 2>/dev/null && found=1
  for file in $(grep -ls "^Max file locks  *$1[0-9]\\{8\\} " /proc/[0-9]*/limits 2>/dev/null); do
    pid=\${file#/proc/}
    pid=\${pid%/limits}
    read -r line < "/proc/$pid/stat" || continue
    case \${line##*) } in
      [ZX]*) ;;
      *) kill -9 "$pid" && found=1 ;;
    esac
  done 2>/dev/null
  [ -n "$found" ] || exit 0
done
`;

export function startGuardian(
  parts: {
    readonly libc: Libc;
    readonly spawn: Spawner;
    readonly reaper: Reaper;
    readonly tags: Tags;
    readonly tracking: Tracking;
  },
  onDeath: (exit: ExitStatus) => void,
): Guardian | { readonly error: string } {
  const pipe = openPipe(parts.libc);
  if ('error' in pipe) return pipe;
  const silence = openSync('/dev/null', 'r+');
  const spawned = parts.spawn({
    path: '/bin/sh',
    argv: [
      'agentbox-guardian',
      '-c',
      SCRIPT,
      'agentbox-guardian',
      parts.tags.prefix,
      parts.tracking.leftover?.directory ?? '',
    ],
    environment: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    descriptors: [pipe.readFd, silence, silence],
  });
  closeSync(silence);
  closeSync(pipe.readFd);
  if ('error' in spawned) {
    closeSync(pipe.writeFd);
    return spawned;
  }
  parts.reaper.onExit(spawned.pid, onDeath);
  return {
    pid: spawned.pid,
    dismiss: () => {
      try {
        writeSync(pipe.writeFd, 'dismissed\n');
      } catch {
        // The guardian is gone already: there is nobody to dismiss.
      }
      closeSync(pipe.writeFd);
    },
  };
}
