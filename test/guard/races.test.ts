/** A thread changes path or arguments while its process execs. AGENTBOX_RACES sets the number of tries. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { headsOf, noNamespaces, runGuarded } from './launch.ts';

const TRIES = Number(process.env['AGENTBOX_RACES'] ?? '300');

/**
 * The parent forks; each child has a thread that flips one of two values of the same length in memory, and execs. A
 * child that comes back was refused or failed. Bad outcomes print `uname`'s output or the forbidden word.
 */
const RACER = `
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile char path[32] = "/bin/echo", word[32] = "goodword";
static int mode;
static void put(volatile char *at, const char *text) {
  while ((*at++ = *text++) != 0) continue;
  for (volatile int i = 0; i < 2000; i++) continue;
}
static void *flip(void *unused) {
  for (;;) {
    if (mode == 0) { put(path + 5, "uname"); put(path + 5, "echo"); }
    else { put(word, "evilword"); put(word, "goodword"); }
  }
  return unused;
}
int main(int argc, char **argv) {
  int tries = atoi(argv[2]);
  mode = atoi(argv[1]);
  for (int i = 0; i < tries; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      pthread_t thread;
      pthread_create(&thread, NULL, flip, NULL);
      usleep(300 + rand() % 500);
      char *list[] = {(char *)path, (char *)word, NULL};
      for (int again = 0; again < 3; again++) execv((char *)path, list);
      _exit(0);
    }
    waitpid(pid, NULL, 0);
  }
  return argc - 3;
}
`;

for (const [cell, mode] of [
  ['path', 0],
  ['argument', 1],
] as const) {
  verifies(
    'guard.exec.races',
    async () => {
      const script = `cat > r.c <<'X'\n${RACER}\nX\ngcc -O1 -pthread -o r r.c && ./r ${mode} ${TRIES}`;
      const run = await runGuarded(script, {
        decide: (facts) =>
          headsOf(facts).includes('uname') || facts.argv.includes('evilword')
            ? { kind: 'deny', text: 'no' }
            : { kind: 'run' },
      });
      assert.equal(run.code, 0, run.stderr.slice(0, 2000));
      assert.doesNotMatch(run.stdout, /Linux|evilword/);
      assert.ok(run.said.killed.every(({ reason }) => reason === 'what was loaded is not what was judged'));
      const outcomes = run.said.killed.length + (run.stderr.match(/Execution denied/g) ?? []).length;
      assert.ok(outcomes > 0, 'no race was ever won: the test proves nothing');
      console.log(`${cell}: ${TRIES} tries, ${run.said.killed.length} killed`);
    },
    { cell, skip: existsSync('/usr/bin/gcc') ? noNamespaces : 'gcc is not installed here', timeout: 600_000 },
  );
}

/** The directory in which a program is let out takes turns with a link to another one of the host. */
const MOVER = `
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int tries = atoi(argv[1]);
  mkdir("own", 0777);
  symlink(argv[2], "link");
  int folder = open("own", O_RDONLY | O_DIRECTORY);
  pid_t mover = fork();
  if (mover == 0)
    for (;;) syscall(SYS_renameat2, AT_FDCWD, "own", AT_FDCWD, "link", 2);
  for (int i = 0; i < tries; i++) {
    pid_t pid = fork();
    if (pid == 0) { fchdir(folder); execl("/bin/ls", "ls", "-a", (char *)0); _exit(9); }
    waitpid(pid, NULL, 0);
  }
  kill(mover, SIGKILL);
  puts("end");
  return argc - 3;
}
`;

verifies(
  'guard.outside.directory',
  async () => {
    const canary = mkdtempSync(join(tmpdir(), 'guard-canary-'));
    try {
      writeFileSync(join(canary, 'CANARY'), '');
      const script = `cat > m.c <<'X'\n${MOVER}\nX\ngcc -O1 -o m m.c && ./m ${TRIES} ${canary}`;
      const run = await runGuarded(script, { escalate: ['ls'] });
      assert.match(run.stdout, /^end$/m);
      assert.doesNotMatch(run.stdout, /CANARY/);
    } finally {
      rmSync(canary, { recursive: true });
    }
  },
  { cell: 'exchanged', skip: existsSync('/usr/bin/gcc') ? noNamespaces : 'gcc is not installed here' },
);
