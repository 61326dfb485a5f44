/**
 * Names of programs that are other programs as well. The guard knows names only whole, so these lists are what is
 * taken off, no more and no less; a copy under a name of its own is another program here as everywhere.
 */
const MACHINES = ['x86_64', 'aarch64', 'i386', 'armhf', 'armv7', 'riscv64', 'powerpc64le', 's390x', 'loongarch64'];
/** up to 2.33 the file of glibc's loader bears its version */
const LAST_GLIBC_MINOR = 40;
/** git has a file for each, or takes it from the name it is called by */
const GIT_COMMANDS =
  'add am annotate apply archive bisect blame branch bugreport bundle cat-file check-attr check-ignore checkout ' +
  'checkout-index cherry cherry-pick clean clone column commit commit-graph commit-tree config count-objects ' +
  'credential credential-cache credential-store daemon describe diff diff-files diff-index diff-tree difftool ' +
  'fast-export fast-import fetch fetch-pack filter-branch for-each-ref for-each-repo format-patch fsck gc grep ' +
  'hash-object help hook http-backend http-fetch http-push imap-send index-pack init init-db instaweb log ls-files ' +
  'ls-remote ls-tree maintenance merge merge-base merge-file merge-index merge-tree mergetool mktag mktree ' +
  'multi-pack-index mv name-rev notes pack-objects pack-redundant pack-refs prune prune-packed pull push quiltimport ' +
  'range-diff read-tree rebase receive-pack reflog remote repack replace request-pull rerere reset restore rev-list ' +
  'rev-parse revert rm send-email send-pack shell shortlog show show-branch show-index show-ref sparse-checkout stage ' +
  'stash status submodule subtree switch symbolic-ref tag unpack-file unpack-objects update-index update-ref ' +
  'update-server-info upload-archive upload-pack var verify-commit verify-pack verify-tag whatchanged worktree write-tree';

export const GIT_NAMES: ReadonlySet<string> = new Set([
  'git',
  ...GIT_COMMANDS.split(' ').map((command) => `git-${command}`),
]);

export const MULTI_CALL_NAMES: ReadonlySet<string> = new Set([
  'busybox',
  'toybox',
  'coreutils',
  'busybox.static',
  'busybox-static',
  'busybox-extras',
  'bbsuid',
  ...MACHINES.flatMap((machine) => [`busybox-${machine}`, `toybox-${machine}`]),
]);

export const LOADER_NAMES: ReadonlySet<string> = new Set([
  'ld.so',
  'ld64.so.1',
  'ld64.so.2',
  'ld.so.1',
  'libc.so',
  'ld-linux.so.2',
  'ld-linux.so.3',
  'ld-linux-x86-64.so.2',
  'ld-linux-x32.so.2',
  'ld-linux-aarch64.so.1',
  'ld-linux-armhf.so.3',
  'ld-linux-riscv64-lp64d.so.1',
  'ld-linux-loongarch-lp64d.so.1',
  ...MACHINES.flatMap((machine) => [`ld-musl-${machine}.so.1`, `libc.musl-${machine}.so.1`]),
  ...Array.from({ length: LAST_GLIBC_MINOR }, (_, at) => `ld-2.${at + 1}.so`),
]);
