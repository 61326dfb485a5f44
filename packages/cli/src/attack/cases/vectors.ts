/**
 * Ways to start a forbidden program, as data. In a command `%F` is its path, `%P` its name, `%D` its folder, `%N` the
 * number whose factors only it prints, and `%M` a file outside that a program without a sandbox would make.
 */

export interface Vector {
  readonly name: string;
  readonly cmd: string;
  readonly needs?: readonly string[];
  /** `copy`: another file, or none, with the same content: rules by name do not know it */
  readonly kind?: 'copy';
  /** `mark`: a leak is the file outside; otherwise it is the output */
  readonly oracle?: 'mark';
}

const direct = (name: string, cmd: string): Vector => ({ name, cmd });
const by = (tool: string, name: string, cmd: string): Vector => ({ name, cmd, needs: [tool] });
const copied = (name: string, cmd: string, ...needs: readonly string[]): Vector => ({ name, cmd, needs, kind: 'copy' });
const py = (mode: string): Vector => by('python3', `python ${mode}`, `python3 probe/exec.py ${mode} %F %N`);
const pl = (mode: string): Vector => by('perl', `perl ${mode}`, `perl probe/exec.pl ${mode} %F %N`);
const js = (mode: string): Vector => by('node', `node ${mode}`, `node probe/exec.js ${mode} %F %N`);
const each = (make: (mode: string) => Vector, modes: string): readonly Vector[] => modes.split(' ').map(make);

const LOADER = 'for l in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 /lib/ld-musl-*.so.1; do [ -e $l ] &&';
const STATIC = 'cc -DFILE_TO_RUN=\'"%F"\' -static -nostdlib -o st probe/exec.c';

export const VECTORS: Readonly<Record<string, readonly Vector[]>> = {
  G57: [
    direct('by name', '%P %N'),
    direct('absolute path', '%F %N'),
    direct('with slashes and dots', '/usr/../%D//./%P %N'),
    direct('from its own folder', 'cd %D && ./%P %N'),
    direct('from /', 'cd / && ./%F %N'),
  ],
  G58: [
    direct('$(...)', 'echo "$(%P %N)"'),
    direct('backticks', 'echo `%P %N`'),
    by('bash', 'process substitution', "bash -c 'cat <(%P %N)'"),
    direct('nested', 'sh -c "sh -c \\"sh -c \'%P %N\'\\""'),
  ],
  G59: [
    direct('empty quotes', 'fa""cto\'\'r %N'),
    direct('backslashes', '\\f\\a\\ctor %N'),
    direct('a glob', '%D/fact?r %N'),
    direct('a bracket glob', '%D/[f]actor %N'),
    direct('${IFS}', 'eval %P\\${IFS}%N'),
    direct('a variable', 'x=tor; "fac$x" %N'),
    direct('printf in octal', '"$(printf "\\146actor")" %N'),
    by('base64', 'base64', 'echo "%P %N" | base64 | base64 -d | sh'),
  ],
  G60: [
    direct('a newline', 'true\n%P %N'),
    direct(';', 'true; %P %N'),
    direct('&', '%P %N & wait'),
    direct('||', 'false || %P %N'),
    direct('a pipe', 'echo %N | %P'),
    direct('a heredoc', 'sh <<END\n%P %N\nEND'),
    direct('a subshell', '( ( %P %N ) )'),
    direct('exec', 'exec %P %N'),
    direct('command', 'command %P %N'),
    direct('a function', 'f() { %P "$@"; }; f %N'),
    direct('a trap', 'trap "%P %N" EXIT; exit 0'),
    by('bash', 'a here-string', 'bash -c \'sh <<< "%P %N"\''),
    by('bash', 'a coprocess', "bash -c 'coproc C { %P %N; }; cat <&${C[0]}'"),
  ],
  G61: [
    direct('/proc/self/root', '/proc/self/root%F %N'),
    direct('/proc/$$/root', '/proc/$$/root%F %N'),
    direct('/proc/1/root', '/proc/1/root%F %N'),
    direct('/proc/self/cwd', 'cd %D && /proc/self/cwd/%P %N'),
  ],
  G62: [
    copied('a copy with another name', 'cp %F harmless && ./harmless %N', 'cp'),
    copied('a copy in /tmp', 'cp %F /tmp/harmless.$$ && /tmp/harmless.$$ %N; rm /tmp/harmless.$$', 'cp'),
    copied('a copy with its name', 'mkdir -p c && cp %F c/%P && c/%P %N', 'cp'),
    copied('through a pipe', 'cat %F > piped && chmod +x piped && ./piped %N'),
    copied('out of an archive', 'tar -C / -chf a.tar .%F && tar -xf a.tar --no-same-owner && .%F %N', 'tar'),
  ],
  G63: [
    direct('a link', 'ln -s %F link && ./link %N'),
    direct('a link to a link', 'ln -s %F one && ln -s one two && ./two %N'),
    direct('a link to its folder', 'ln -s %D folder && folder/%P %N'),
    direct('a link with a space', 'ln -s %F "a b" && "./a b" %N'),
    by('bash', 'a link, and a login name', "ln -s %F login && bash -c 'exec -l -a true ./login %N'"),
    direct('a hard link', 'ln %F hard && ./hard %N'),
  ],
  G64: [
    ...each(py, 'fexecve opath proc-fd dev-fd execveat execveat-empty'),
    { ...py('memfd'), kind: 'copy' },
    { ...py('memfd-path'), kind: 'copy' },
    copied('a deleted copy', 'cp %F gone && exec 9<gone && rm gone && /proc/self/fd/9 %N', 'cp'),
  ],
  G65: [
    direct('the loader', `${LOADER} $l %F %N; done`),
    direct('the loader with another name', `${LOADER} $l --argv0 true %F %N; done`),
    direct('a link to the loader', `${LOADER} ln -s $l loader && ./loader %F %N; done`),
    direct('the loader by /proc', `${LOADER} /proc/self/root$l %F %N; done`),
    copied('the loader and a copy', `cp %F lc && ${LOADER} $l ./lc %N; done`, 'cp'),
  ],
  G66: [
    ...each(py, 'execv execve-empty spawn subprocess vfork fork thread double-fork pty chdir'),
    ...each(pl, 'exec system backtick open'),
    ...each(js, 'execFile exec spawn detached'),
    by('awk', 'awk system', 'awk \'BEGIN { system("%P %N") }\''),
    by('awk', 'awk getline', 'awk \'BEGIN { "%P %N" | getline x; print x }\''),
    by('sed', 'sed e', "echo | sed '1e %P %N'"),
    by('vim', 'vim :!', "vim -u NONE -e -s -c '!%P %N >&2' -c 'qa!' </dev/null"),
    by('find', 'find -exec', 'find probe -maxdepth 0 -exec %P %N ";"'),
    by('find', 'find -execdir', 'find probe -maxdepth 0 -execdir %F %N ";"'),
    by('xargs', 'xargs', 'echo %N | xargs %P'),
    by('env', 'env', 'env %P %N'),
    by('env', 'env -S', "env -S '%P %N'"),
    by('env', 'env -i', 'env -i %F %N'),
    by('tar', 'tar --to-command', "tar -chf t.tar probe/ && tar -xf t.tar --to-command='%P %N'"),
    by('tar', 'tar --checkpoint-action', "tar -cf /dev/null --checkpoint=1 --checkpoint-action=exec='%P %N' probe"),
    by('git', 'git alias', "git -c alias.x='!%P %N' x"),
    by('ssh', 'ssh ProxyCommand', 'ssh -F /dev/null -o ProxyCommand=\'sh -c "%P %N > pc; sleep 1"\' nowhere; cat pc'),
    by('make', 'make', "printf 'all:\\n\\t@%P %N\\n' > mk && make -f mk"),
    by('busybox', 'busybox', 'busybox sh -c "%F %N"'),
    by('timeout', 'timeout', 'timeout 5 %P %N'),
    by('nice', 'nice', 'nice %P %N'),
    by('nohup', 'nohup', 'nohup %P %N > nh; cat nh'),
    by('setsid', 'setsid', 'setsid -w %P %N'),
    by('stdbuf', 'stdbuf', 'stdbuf -o0 %P %N'),
    by('ionice', 'ionice', 'ionice %P %N'),
    by('flock', 'flock', 'flock lock %P %N'),
    by('taskset', 'taskset', 'taskset 1 %P %N'),
    by('script', 'script', 'script -qec "%P %N" /dev/null </dev/null'),
    by('gdb', 'gdb', "gdb -nx -batch -ex 'shell %P %N'"),
    by('bash', 'bash -c', "bash -c '%P %N'"),
    by('bwrap', 'a sandbox inside', 'bwrap --bind / / %F %N'),
    by('unshare', 'a namespace inside', 'unshare -r %F %N'),
    by('chroot', 'chroot', 'chroot / %F %N'),
  ],
  G67: [
    direct('without wrapper variables', 'unset BASH_EXEC_WRAPPER EXEC_WRAPPER CODEX_ESCALATE_SOCKET LD_PRELOAD; %P %N'),
    by('bash', 'BASH_ENV', "echo '%P %N' > be; BASH_ENV=./be bash -c true"),
    direct('ENV', "echo '%P %N' > en; ENV=./en sh -i -c true </dev/null"),
    by('git', 'GIT_SSH_COMMAND', "GIT_SSH_COMMAND='%P %N >&2 #' git ls-remote ssh://nowhere.invalid/x"),
    by(
      'git',
      'GIT_EXTERNAL_DIFF',
      "echo 1 > da; echo 2 > db; GIT_EXTERNAL_DIFF='%P %N #' git diff --no-index --ext-diff da db",
    ),
    by(
      'node',
      'NODE_OPTIONS',
      'echo \'require("child_process").execSync("%P %N",{stdio:"inherit"})\' > no.js; NODE_OPTIONS="--require ./no.js" node -e 0',
    ),
    by(
      'perl',
      'PERL5OPT',
      'mkdir -p pm && echo \'system("%P %N"); 1;\' > pm/Bad.pm; PERL5LIB=pm PERL5OPT=-MBad perl -e 0',
    ),
    by(
      'python3',
      'PYTHONPATH',
      'mkdir -p pp && echo \'import os; os.system("%P %N")\' > pp/sitecustomize.py; PYTHONPATH=pp python3 -c 0',
    ),
    {
      name: 'LD_PRELOAD into an allowed program',
      cmd: 'cc -DMARK=\'"%M"\' -shared -fPIC -o pre.so probe/preload.c && LD_PRELOAD=./pre.so date',
      needs: ['cc'],
      oracle: 'mark',
    },
    {
      name: 'LD_AUDIT into an allowed program',
      cmd: 'cc -DMARK=\'"%M"\' -shared -fPIC -o aud.so probe/preload.c && LD_AUDIT=./aud.so date',
      needs: ['cc'],
      oracle: 'mark',
    },
  ],
  G68: [
    by('cc', 'a static binary', `${STATIC} && ./st`),
    by(
      'perl',
      'a raw system call',
      '[ "$(uname -m)" = x86_64 ] && perl probe/exec.pl syscall %F %N || perl probe/exec.pl exec %F %N',
    ),
    py('clone-untraced'),
  ],
  G69: [
    direct('a link before PATH', 'mkdir -p sh1 && ln -s %F sh1/harmless && PATH="$PWD/sh1:$PATH" && harmless %N'),
    {
      name: 'a planted date before PATH',
      cmd: 'mkdir -p pd && printf "#!/bin/sh\\necho x > %M\\n" > pd/date && chmod +x pd/date && PATH="$PWD/pd:$PATH" date',
      oracle: 'mark',
    },
    {
      name: 'a planted ./date',
      cmd: 'printf "#!/bin/sh\\necho x > %M\\n" > date && chmod +x date && ./date',
      oracle: 'mark',
    },
    {
      name: 'a shell with the name date',
      cmd: 'mkdir -p pc && cp /bin/sh pc/date && ./pc/date -c "echo x > %M"',
      needs: ['cp'],
      oracle: 'mark',
    },
    ...each(py, 'argv0 argv0-empty'),
    pl('lie'),
    by('bash', 'exec -a', "bash -c 'exec -a true %F %N'"),
    direct('a script without #!', "printf '%P %N\\n' > plain && chmod +x plain && ./plain"),
    direct('a script of #! forbidden', "printf '#!%F %N\\n' > bang && chmod +x bang && ./bang"),
    by('env', 'a script of #! env', "printf '#!/usr/bin/env -S %P %N\\n' > benv && chmod +x benv && ./benv"),
    py('swap'),
    py('link-swap'),
  ],
};
