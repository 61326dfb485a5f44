/** Programs that people run, inside and outside: the same output, and the same files left. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Launch } from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { openBox, SEARCH_PATH, unavailable } from './harness.ts';
import { noLandlock, underLandlock } from './landlock-run.ts';

type Launched = Extract<Launch, { kind: 'launch' }>;

interface Cell {
  readonly name: string;
  /** has to be installed */
  readonly needs: string;
  readonly script: string;
}

const GIT =
  'export GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z"; git config --global user.name T; git config --global user.email t@example.test; git config --global init.defaultBranch main; ';
const CELLS: readonly Cell[] = [
  {
    name: 'git with 300 files',
    needs: 'git',
    script: `${GIT}
      git init -q repo && cd repo && for i in $(seq 300); do echo "content $i" > "file$i"; done
      git add . && git commit -qm first && echo more >> file7 && git commit -qam second && cd .. && git clone -q repo copy 2>&1
      cd copy && git checkout -qb topic && echo x > new && git add new && git commit -qm third && git log --format=%H%s && git status --short
      git stash list; git diff main --stat; git gc -q; git fsck 2>&1`,
  },
  {
    name: 'gcc and make -j',
    needs: 'gcc',
    script: `for i in 1 2 3 4 5 6 7 8; do echo "int f$i(void){return $i;}" > f$i.c; done
      echo 'int f1(void),f8(void);int printf(const char*,...);int main(void){printf("%d\\n",f1()+f8());return 0;}' > main.c
      printf 'OBJ=$(patsubst %%.c,%%.o,$(wildcard *.c))\\nprog: $(OBJ)\\n\\tgcc -o $@ $(sort $(OBJ))\\n%%.o: %%.c\\n\\t@gcc -c -o $@ $<\\n' > Makefile
      make -s -j8 && ./prog && make -q && echo up to date`,
  },
  {
    name: 'npm install from a local package',
    needs: 'npm',
    script: `mkdir -p dep app && echo '{"name":"dep","version":"1.0.0","main":"i.js","bin":"i.js","scripts":{"install":"node -e 1"}}' > dep/package.json
      printf '#!/usr/bin/env node\\nmodule.exports=42;if(require.main===module)console.log("ran")\\n' > dep/i.js
      (cd dep && npm pack --silent --pack-destination ..) && cd app && echo '{"name":"app","version":"1.0.0","scripts":{"t":"dep"}}' > package.json
      npm install --silent --no-audit --no-fund --offline ../dep-1.0.0.tgz && node -p 'require("dep")' && npm run --silent t && ls node_modules/.bin`,
  },
  {
    name: 'python with a virtual environment',
    needs: 'python3',
    script: `/usr/bin/python3 -m venv --without-pip env && ./env/bin/python -c '
import multiprocessing, sys, tempfile, sqlite3, subprocess, os
def f(x): return x * x
if __name__ == "__main__":
    with multiprocessing.Pool(4) as pool: print(sum(pool.map(f, range(100))))
    print(sys.prefix != sys.base_prefix, tempfile.NamedTemporaryFile().name[:5], subprocess.run(["echo", "sub"], capture_output=True).stdout)
    c = sqlite3.connect("x.db"); c.execute("create table t(a)"); print(c.execute("select count(*) from t").fetchone())
'`,
  },
  {
    name: 'node with workers and tests',
    needs: 'node',
    script: `echo 'import test from "node:test"; import {Worker} from "node:worker_threads"; import http from "node:http";
      test("worker", (t, done) => { new Worker("0", {eval: true}).on("exit", done) });
      test("server", (t, done) => { const s = http.createServer((q, r) => r.end("hi")).listen(0, "127.0.0.1", async () => {
        const r = await fetch("http://127.0.0.1:" + s.address().port); console.log(await r.text()); s.close(done) }) });' > t.mjs
      node --test --test-reporter=tap t.mjs | grep -E '^(ok|not ok|# (pass|fail)|hi)'`,
  },
  {
    name: 'shells, pipes and archives',
    needs: 'tar',
    script: `mkdir d && seq 2000 > d/numbers && tar cz d | tar tz && yes | head -3 && diff <(sort d/numbers) <(sort -r d/numbers | sort) && echo same
      echo {1..5} | xargs -n1 -P4 sh -c 'echo $0' | sort | tr '\\n' ' '; find . -name 'num*' -exec wc -l {} +; trap 'echo bye' EXIT; (exit 7); echo $?; ulimit -c; sleep 0.01 & wait; locale 2>&1 | head -1`,
  },
];

const isThere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

for (const { name, needs, script } of CELLS) {
  verifies(
    'sandbox.programs',
    () => {
      using box = openBox();
      const home = path.join(box.base, 'outside-home');
      mkdirSync(home);
      const quoted = `bash -c '${script.replaceAll("'", "'\\''")}'`;
      const env = { PATH: SEARCH_PATH, HOME: home, LANG: 'C.UTF-8', TMPDIR: '/tmp' };
      const outside = spawnSync('sh', ['-c', quoted], { cwd: box.workspace, env, encoding: 'utf8', timeout: 120_000 });
      assert.equal(outside.status, 0, outside.stderr);
      const made = files(box.workspace);
      for (const one of readdirSync(box.workspace)) rmSync(path.join(box.workspace, one), { recursive: true });
      const second = noLandlock === false ? { prefix: ({ plan }: Launched) => underLandlock(plan.landlock) } : {};
      const inside = box.sh(quoted, second);
      assert.equal(inside.stdout, outside.stdout, inside.stderr);
      assert.equal(inside.stderr, outside.stderr);
      assert.equal(inside.code, 0);
      assert.deepEqual(files(box.workspace), made);
    },
    {
      cell: name,
      skip: unavailable === false && !isThere(needs) ? 'only where the program itself is installed' : unavailable,
    },
  );
}

/** Names of what a program left; of git's objects and caches only that they are there. */
function files(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !/\.git\/|__pycache__|\.db$/.test(name),
  );
  return names.filter((name) => statSync(path.join(folder, name)).isFile()).toSorted();
}
