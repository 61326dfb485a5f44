/**
 * What a profile must not ask for. A refusal is a value that names the field, the path and the way out: it is found
 * before anything runs, and never made good by doing less.
 */
import type { ErrorCode, SandboxProfile } from '@agentbox/protocol';
import { isBelow, isInside } from '../paths.ts';
import type { LaunchFacts, PathFacts, RootFacts } from './facts.ts';

export interface LaunchProblem {
  readonly code: ErrorCode;
  /** the field of the profile or of the call, for example `writable` */
  readonly key: string;
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

type Finding = Pick<LaunchProblem, 'message' | 'fix'>;

/** Places that are no workspace: of the system, of the kernel, of every user. */
const SYSTEM = [
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/proc',
  '/run',
  '/sbin',
  '/sys',
  '/usr',
  '/var/run',
];
/** Only what lies below these may be given away. */
const SHARED = ['/home', '/media', '/mnt', '/nix', '/opt', '/root', '/srv', '/tmp', '/var', '/var/lib', '/var/tmp'];

export function findProblem(profile: SandboxProfile, { paths }: Pick<LaunchFacts, 'paths'>): LaunchProblem | null {
  const [writable] = profile.writable;
  if (profile.name === 'read-only' && writable !== undefined) {
    const fix = 'use the profile `workspace`, or name the directory under `readable`';
    return problem('CONFIG_INVALID', 'writable', writable, { message: 'is writable in a read-only profile', fix });
  }
  for (const root of paths.writable) {
    const found = missing(root) ?? widest(root, paths) ?? systemPlace(root) ?? throughLink(root) ?? foreign(root);
    if (found !== null) return problem(codeOf(root), 'writable', root.asked, found);
  }
  for (const root of paths.readable) {
    if (isKeptAbsent(root, paths)) continue;
    const found = missing(root) ?? tooWideToRead(root, paths) ?? throughLink(root);
    if (found !== null) return problem(codeOf(root), 'readable', root.asked, found);
  }
  return (
    privateProblem('tmp', paths.tmp) ?? privateProblem('home', paths.home) ?? cwdProblem(paths) ?? linkProblem(paths)
  );
}

/** Read-only within what may be written, and not there: it stays so, because nothing may be made in its place. */
const isKeptAbsent = (root: RootFacts, paths: PathFacts): boolean =>
  root.canonical === null && paths.guard.guarded.some((one) => one.path === root.asked && one.how === 'absent');

const problem = (code: ErrorCode, key: string, path: string, found: Finding): LaunchProblem => ({
  code,
  key,
  path,
  message: `${key}: ${path} ${found.message}`,
  fix: found.fix,
});

const codeOf = (root: RootFacts): ErrorCode => (root.canonical === null ? 'WORKDIR_NOT_FOUND' : 'PATH_FORBIDDEN');

function missing(root: RootFacts): Finding | null {
  if (root.canonical === null) return { message: 'does not exist', fix: `make it: mkdir -p ${root.asked}` };
  if (root.kind === 'other')
    return { message: 'is neither a directory nor a file', fix: 'name the directory that holds it' };
  return null;
}

/** Profiles are settled with their links followed: what is a link now was put there since, maybe by a command. */
function throughLink({ asked, canonical }: RootFacts): Finding | null {
  if (canonical === asked || canonical === null) return null;
  return { message: `is a link, or lies behind one, to ${canonical}`, fix: `name ${canonical} itself` };
}

function foreign({ asked, foreign: owner }: RootFacts): Finding | null {
  if (owner === null) return null;
  const fix = `run agentbox as user ${owner}, or: chown -R $(id -u) ${asked}`;
  return { message: `belongs to user ${owner} and cannot be written without root’s capabilities`, fix };
}

const OWN_FOLDER = 'use a directory of its own, for example ~/work/project';

function widest(root: RootFacts, paths: PathFacts): Finding | null {
  const at = root.canonical ?? root.asked;
  const through = at === root.asked ? '' : ` (a link to ${at})`;
  if (at === '/') return { message: `is the whole machine${through}`, fix: OWN_FOLDER };
  if (isInside(at, paths.realHome)) {
    return {
      message: `holds the home directory ${paths.realHome} with its keys and logins${through}`,
      fix: OWN_FOLDER,
    };
  }
  const own = paths.own.find((one) => isInside(at, one) || isInside(one, at));
  if (own !== undefined) {
    const fix = 'use another directory, or move it with AGENTBOX_HOME';
    return { message: `and ${own}, where agentbox keeps its rules and keys, lie in one another${through}`, fix };
  }
  return null;
}

function systemPlace(root: RootFacts): Finding | null {
  const at = root.canonical ?? root.asked;
  const place = SYSTEM.find((one) => isInside(one, at)) ?? SHARED.find((one) => one === at);
  if (place === undefined) return null;
  return {
    message: `lies in ${place}, which belongs to the system${at === root.asked ? '' : ` (a link to ${at})`}`,
    fix: OWN_FOLDER,
  };
}

function tooWideToRead(root: RootFacts, paths: PathFacts): Finding | null {
  const at = root.canonical ?? root.asked;
  if (at === '/') return { message: 'is the whole machine', fix: 'name the directories that commands need' };
  if (at === paths.realHome) {
    const fix = 'name the folders in it that commands need; HOME itself is private';
    return { message: 'is the home directory with its keys and logins', fix };
  }
  const place = ['/proc', '/sys', '/dev', '/run'].find((one) => isInside(one, at));
  if (place !== undefined)
    return { message: `lies in ${place}, where the kernel and services are reached`, fix: 'leave it out' };
  const own = paths.own.find((one) => isInside(one, at));
  return own === undefined
    ? null
    : { message: `lies in ${own}, where agentbox keeps its rules and keys`, fix: 'leave it out' };
}

function privateProblem(key: 'tmp' | 'home', root: RootFacts): LaunchProblem | null {
  const found = missing(root);
  return found === null ? null : problem('SANDBOX_FAILED', key, root.asked, found);
}

function cwdProblem(paths: PathFacts): LaunchProblem | null {
  if (cwdInside(paths) !== null) return null;
  const { cwd } = paths;
  const found = missing(cwd);
  if (found !== null) return problem('WORKDIR_NOT_FOUND', 'workdir', cwd.asked, found);
  const message = cwd.kind === 'directory' ? 'is not visible inside the sandbox' : 'is not a directory';
  const roots = canonicalRoots(paths).join(' or ') || 'the workspace';
  const fix = `use a directory in ${roots}, or let the operator add it to \`readable\``;
  return problem('PATH_FORBIDDEN', 'workdir', cwd.asked, { message, fix });
}

/** Where a command starts, as seen inside; null where that is nowhere. */
export function cwdInside(paths: PathFacts): string | null {
  const { canonical, kind, asked } = paths.cwd;
  const shown = [...canonicalRoots(paths), ...paths.system.roots.map((root) => root.path)];
  const isShown = canonical !== null && shown.some((root) => isInside(root, canonical));
  const isHidden = canonical !== null && paths.hidden.some((one) => isInside(one.path, canonical));
  if (isShown && !isHidden && kind === 'directory') return canonical;
  return paths.privateCwd ? asked : null;
}

const canonicalRoots = (paths: PathFacts): readonly string[] =>
  [...paths.writable, ...paths.readable].flatMap(({ canonical }) => canonical ?? []);

/** A link cannot be kept from being replaced, and what it stands for is what the host would run. */
function linkProblem(paths: PathFacts): LaunchProblem | null {
  const [link] = paths.guard.unguardable.filter((one) =>
    paths.writable.some((root) => isBelow(root.canonical ?? '', one)),
  );
  if (link === undefined) return null;
  const message =
    'is a link or cannot be looked at: a command could put its own in its place and have it believed outside';
  return problem('PATH_FORBIDDEN', 'writable', link, {
    message,
    fix: 'put the directory or file itself in its place, readable for agentbox',
  });
}
