/** A thread changes path or arguments while its process execs. AGENTBOX_RACES sets the number of tries. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
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
