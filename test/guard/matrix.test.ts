/** Forbidden and allowed programs, started in every way that a machine offers. `uname` is the forbidden one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { verifies } from '../requirements/verifies.ts';
import { DENIAL, ENGINES, noNamespaces, runGuarded } from './launch.ts';

const LOADER = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'].find((path) => existsSync(path)) ?? '';
const has = (program: string): boolean => spawnSync('/bin/sh', ['-c', `command -v ${program}`]).status === 0;
const NODE = process.execPath;

/** Each would print `Linux`. */
const FORBIDDEN: readonly (readonly [cell: string, script: string, needs?: string])[] = [
  ['a name on PATH', 'uname'],
  ['an absolute path', '/usr/bin/uname'],
  ['a relative path', 'cd /usr/bin; ./uname'],
  ['a path with dots', '/usr/share/../bin/./uname'],
  ['doubled slashes', '//usr//bin///uname'],
  ['a substitution', 'echo $(uname)'],
  ['backticks', 'echo `uname`'],
  ['quotes inside the word', "u'na'me"],
  ['a glob', '/usr/bin/unam?'],
  ['IFS', 'cmd=uname${IFS}-s; $cmd'],
  ['an escaped newline', 'una\\\nme'],
  ['a here-document', 'sh <<X\nuname\nX'],
  ['a pipeline', 'true | uname | cat'],
  ['the background', 'uname & wait'],
  ['eval', 'eval "un""ame"'],
  ['exec', 'exec uname'],
  ['another argv[0]', '(exec -a harmless uname)'],
  ['env', 'env uname'],
  ['env -i', 'env -i /usr/bin/uname'],
  ['env -S', "env -S 'uname -s'"],
  ['sh -c', 'sh -c uname'],
  ['bash -c in bash -c', "bash -c 'bash -c uname'"],
  ['a wiped environment', 'unset BASH_ENV LD_PRELOAD; exec env -i /bin/sh -c /usr/bin/uname'],
  ['xargs', 'echo -s | xargs uname'],
  ['find -exec', 'find /usr/bin/uname -exec {} \\;'],
  ['nice, nohup, timeout', 'nice nohup timeout 5 uname'],
  ['setsid', 'setsid -w uname'],
  ['a daemon', '(setsid sh -c "sleep 0.1; uname" &) ; sleep 0.5'],
  ['stdbuf', 'stdbuf -o0 uname'],
  ['awk', `awk 'BEGIN { system("uname") }'`],
  ['perl', `perl -e 'system("uname")'`, 'perl'],
  ['perl exec', `perl -e 'exec("uname")'`, 'perl'],
  ['python subprocess', `/usr/bin/python3 -c 'import subprocess; subprocess.run(["uname"])'`, '/usr/bin/python3'],
  [
    'python posix_spawn',
    `/usr/bin/python3 -c 'import os; os.waitpid(os.posix_spawn("/usr/bin/uname", ["x"], {}), 0)'`,
    '/usr/bin/python3',
  ],
  [
    'a thread that execs',
    `/usr/bin/python3 -c 'import os,threading
t = threading.Thread(target=lambda: os.execv("/usr/bin/uname", ["uname"])); t.start(); t.join()'`,
    '/usr/bin/python3',
  ],
  [
    'fexecve',
    `/usr/bin/python3 -c 'import os; os.execve(os.open("/usr/bin/uname", os.O_RDONLY), ["x"], {})'`,
    '/usr/bin/python3',
  ],
  [
    'fexecve of an O_PATH descriptor',
    `/usr/bin/python3 -c 'import os; os.execve(os.open("/usr/bin/uname", os.O_PATH), ["x"], {})'`,
    '/usr/bin/python3',
  ],
  ['execveat from a folder', `perl -e 'opendir(D, "/usr/bin"); chdir(*D); exec { "./uname" } "x"'`, 'perl'],
  ['node child_process', `"$NODE" -e 'require("child_process").spawnSync("uname", { stdio: "inherit" })'`],
  ['make', 'printf "all:\\n\\tuname\\n" | make -s -f -', 'make'],
  ['make -j4', 'printf "all: a b c d\\na b c d:\\n\\tuname\\n" | make -s -j4 -f -', 'make'],
  ['git alias', 'git -c alias.x="!uname" x', 'git'],
  ['tar --to-command', 'tar cf t.tar /etc/hostname 2>/dev/null; tar xf t.tar --to-command=uname', 'tar'],
  ['vim', `vim -es -c '!uname' -c 'q!' </dev/null`, 'vim'],
  ['script', 'script -qc uname /dev/null </dev/null', 'script'],
  ['a symbolic link', 'ln -s /usr/bin/uname u2; ./u2'],
  ['a link to a link', 'ln -s /usr/bin/uname l1; ln -s l1 l2; ./l2'],
  ['a linked folder', 'ln -s /usr/bin lb; lb/uname'],
  ['/proc/self/root', '/proc/self/root/usr/bin/uname'],
  ['/proc/PID/root', '/proc/$$/root/usr/bin/uname'],
  ['/proc/self/cwd', 'cd /usr; /proc/self/cwd/bin/uname'],
  ['/proc/self/fd', 'exec 5</usr/bin/uname; /proc/self/fd/5'],
  ['/proc/thread-self', '/proc/thread-self/root/usr/bin/uname'],
  ['/dev/fd', 'exec 5</usr/bin/uname; /dev/fd/5'],
  ['the interpreter of a script', 'printf "#!/usr/bin/uname\\n" > s; chmod +x s; ./s'],
  ['an interpreter of an interpreter', 'printf "#!/usr/bin/uname\\n" > s; printf "#!$PWD/s\\n" > t; chmod +x s t; ./t'],
  [
    'env in a script',
    'printf "#!/usr/bin/env uname\\n" > s; chmod +x s; ./s -s; printf "#!/usr/bin/env -S uname -s\\n" > s; ./s',
  ],
  ['a script without a first line', 'printf "uname\\n" > s; chmod +x s; ./s'],
  ['the loader', `${LOADER} /usr/bin/uname`, LOADER],
  ['the loader with options', `${LOADER} --library-path /lib --argv0 x /usr/bin/uname`, LOADER],
  ['the loader through a link', `ln -s ${LOADER} ld; ./ld /usr/bin/uname`, LOADER],
  ['LD_PRELOAD', 'LD_PRELOAD=/nonexistent.so uname 2>&1'],
  ['a function of that name', 'uname() { command uname; }; uname'],
  ['PATH shadowing', 'mkdir p; ln -s /usr/bin/uname p/ls; PATH=$PWD/p ls'],
  ['coproc', 'coproc uname; cat <&"${COPROC[0]}"'],
  ['a trap', 'trap uname USR1; kill -USR1 $$; :'],
  ['a process substitution', 'cat <(uname)'],
];

for (const engine of ENGINES) {
  const missing = engine === 'namespaces' ? noNamespaces : false;
  for (const [cell, script, needs] of FORBIDDEN) {
    const skip = needs !== undefined && (needs === '' || !has(needs)) ? `${needs} is not installed here` : missing;
    verifies(
      'guard.exec.every-way',
      async () => {
        const run = await runGuarded(script, { engine, deny: ['uname'], environment: { NODE } });
        assert.doesNotMatch(run.output, /^Linux/m);
        assert.match(run.output, new RegExp(`Execution denied: ${DENIAL}`));
        assert.deepEqual(run.said.broken, []);
        assert.deepEqual(run.said.killed, []);
      },
      { cell: `${engine}: ${cell}`, skip },
    );
  }
}

/** What a script prints, and its exit status, are the same with and without a guard that allows all of it. */
const HARMLESS: readonly (readonly [cell: string, script: string, needs?: string])[] = [
  ['exit status', 'exit 42'],
  ['a pipeline', 'seq 1000 | sort -rn | head -3; yes | head -2'],
  ['a killed child', 'sh -c "kill -TERM \\$\\$"; echo $?; sh -c "kill -PIPE \\$\\$"; echo $?'],
  ['arguments', `printf '<%s>' '' a 'b c' $'\\n' '*' "é"`],
  ['argv[0]', `(exec -a other sh -c 'echo $0')`],
  ['an empty argument list', `perl -e 'print "perl\\n"'; echo`, 'perl'],
  ['a script', 'printf "#!/bin/sh -e\\necho \\$0 \\$1\\nfalse\\necho no\\n" > s; chmod +x s; ./s x; echo $?'],
  ['a script without a first line', 'printf "echo plain \\$1\\n" > s; chmod +x s; ./s x; echo $?'],
  ['a script by descriptor', `printf '#!/bin/sh\\necho by fd\\n' > s; chmod +x s; exec 7<s; /dev/fd/7; echo $?`],
  ['3000 arguments', 'seq 3000 | xargs echo | wc -c'],
  [
    'many processes',
    'for i in $(seq 100); do /bin/true & done; wait; echo done; seq 200 | xargs -P8 -n1 /bin/echo | sort -n | tail -1',
  ],
  ['a variable', 'A=1 B="x y" env | grep -E "^(A|B)="'],
  [
    'threads',
    `/usr/bin/python3 -c 'import os,threading
t = threading.Thread(target=lambda: os.execv("/bin/echo", ["echo", "from a thread"])); t.start(); t.join()'`,
    '/usr/bin/python3',
  ],
  [
    'worker threads of node',
    `"$NODE" -e 'const w=require("worker_threads");if(w.isMainThread){new w.Worker(process.argv[1]||"", {eval:true, workerData:1}).on("exit",()=>console.log("end"))}' 'console.log(require("worker_threads").workerData)'`,
  ],
  [
    'multiprocessing',
    `/usr/bin/python3 -c 'import multiprocessing as m
with m.Pool(4) as p: print(sum(p.map(abs, range(-50, 50))))'`,
    '/usr/bin/python3',
  ],
  [
    'gcc and make',
    `printf 'int puts(const char*);int main(){puts("built");return 3;}' > a.c; printf 'a: a.c\\n\\tgcc -o a a.c\\n' > Makefile; make -s; ./a; echo $?`,
    'gcc',
  ],
  [
    'git',
    'git -c init.defaultBranch=m init -q r; cd r; for i in $(seq 30); do echo $i > f$i; done; git add .; git -c user.name=a -c user.email=a@b commit -qm x; git log --format=%s; git clone -q . ../c; ls ../c | wc -l',
    'git',
  ],
  ['tar and gzip', 'mkdir d; seq 1000 > d/n; tar c d | gzip | gunzip | tar t'],
  [
    'modes',
    'mkdir m; cd m; touch a; chmod 755 a; install -m 644 a b; cp -p a c; mkdir -m 1777 s; umask 027; touch u; mkdir ../n; tar cf - . | tar xpf - -C ../n; cd ../n; stat -c "%n %a" a b c s u',
  ],
  [
    'files of node',
    `"$NODE" -e 'const fs=require("fs");fs.mkdirSync("a/b",{recursive:true,mode:0o755});fs.writeFileSync("a/f","x",{mode:0o600});fs.chmodSync("a/f",0o755);fs.cpSync("a","c",{recursive:true});console.log(fs.readdirSync("c"),(fs.statSync("c/f").mode&0o777).toString(8))'`,
  ],
  [
    'npm',
    'mkdir p; cd p; npm init -y >/dev/null 2>&1; npm pack --silent 2>/dev/null; mkdir q; cd q; npm install --silent --offline --no-audit ../p-1.0.0.tgz >/dev/null 2>&1; ls node_modules',
    'npm',
  ],
  ['traps', `trap 'echo got' USR1; kill -USR1 $$; echo after`],
  ['timeout', 'timeout 0.2 sleep 5; echo $?'],
  ['a failing exec', './nothing; echo $?; touch f; ./f; echo $?; mkdir e; ./e; echo $?; /etc/hostname/x; echo $?'],
];

for (const engine of ENGINES) {
  const missing = engine === 'namespaces' ? noNamespaces : false;
  for (const [cell, script, needs] of HARMLESS) {
    const skip = needs !== undefined && !has(needs) ? `${needs} is not installed here` : missing;
    verifies(
      'guard.exec.harmless',
      async () => {
        const run = await runGuarded(script, { engine, environment: { NODE } });
        const bare = bareRun(script, { NODE });
        const plain = (text: string): string => text.replaceAll(run.folder, '.').replaceAll(/guard-\w+/g, '.');
        assert.equal(plain(run.stdout), plain(bare.stdout));
        assert.equal(plain(run.stderr), plain(bare.stderr));
        assert.equal(run.code, bare.code);
        assert.deepEqual(run.said.killed, []);
        assert.deepEqual(run.said.broken, []);
      },
      { cell: `${engine}: ${cell}`, skip },
    );
  }
}

function bareRun(
  script: string,
  environment: Readonly<Record<string, string>>,
): { code: number; stdout: string; stderr: string } {
  const made = spawnSync('mktemp', ['-d', '-t', 'guard-XXXXXX'], { encoding: 'utf8' }).stdout.trim();
  const env = { PATH: '/usr/bin:/bin', HOME: made, TMPDIR: made, LANG: 'C.UTF-8', TERM: 'xterm', ...environment };
  const { status, stdout, stderr } = spawnSync('/bin/bash', ['-c', script], {
    cwd: made,
    env,
    encoding: 'utf8',
    argv0: 'bash',
  });
  spawnSync('rm', ['-rf', made]);
  return { code: status ?? 128, stdout: stdout.replaceAll(made, '.'), stderr: stderr.replaceAll(made, '.') };
}
