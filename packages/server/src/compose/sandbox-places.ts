/**
 * The places that the operator gives to a sandbox, settled at the start: links are followed once, here, and what must
 * not be given away is refused by its key. A link that appears later is refused at the launch.
 */
import { existsSync, realpathSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { findProblem, type LaunchProblem, PathObserver } from '@agentbox/sandbox';
import type { Config } from '../config/schema.ts';
import { profileOf } from './profiles.ts';

export interface Grounds {
  readonly config: Config;
  /** of agentbox */
  readonly home: string;
  /** the directory of the bundle */
  readonly dist: string;
}

/** Throws CONFIG_INVALID, naming the key, the path as it was written, and the way out. */
export function settlePlaces({ config, home, dist }: Grounds): Config {
  const settled = withoutLinks(config);
  const refused = forbidden(settled, home) ?? installed(settled, dist);
  if (refused === null) return settled;
  const { path, message, fix } = refused;
  const { key, asked } = writtenAs(config, path);
  const through = asked === path ? '' : ` (a link to ${path})`;
  throw new AgentboxError('CONFIG_INVALID', `${key}: ${asked}${through} ${message}.\nFix: ${fix}.`, {
    key,
    path: asked,
    fix,
  });
}

function withoutLinks(config: Config): Config {
  const { box, sandbox } = config;
  return {
    ...config,
    box: { ...box, workspace: box.workspace === null ? null : canonical(box.workspace) },
    sandbox: { ...sandbox, readable: sandbox.readable.map(canonical), writable: sandbox.writable.map(canonical) },
  };
}

const canonical = (path: string): string => (existsSync(path) ? realpathSync.native(path) : path);

type Refused = Pick<LaunchProblem, 'path' | 'message' | 'fix'>;

/** Commands that could rewrite agentbox itself would run outside the sandbox at its next start. */
function installed({ box, sandbox }: Config, dist: string): Refused | null {
  if (box.profile !== 'workspace') return null;
  const product = canonical(dirname(dist));
  const given = [...(box.workspace === null ? [] : [box.workspace]), ...sandbox.writable];
  const path = given.find((one) => isAbove(one, product) || isAbove(product, one));
  if (path === undefined) return null;
  const message = `and ${product}, where agentbox itself is installed, lie in one another`;
  return { path, message, fix: 'use another directory, or run another installation' };
}

const isAbove = (above: string, at: string): boolean =>
  at === above || at.startsWith(above === '/' ? '/' : `${above}/`);

function forbidden(config: Config, home: string): Refused | null {
  // Each caller's own places are made later, inside the home, and are not the operator's to get wrong.
  const profile = profileOf(config, home, { tmp: '/', home: '/' });
  if (profile === null) return null;
  const { workspace } = config.box;
  const workdir = config.exec.default_workdir ?? workspace ?? '/';
  const paths = new PathObserver();
  const homes = new Set([userInfo().homedir, homedir()]);
  for (const realHome of homes) {
    // A directory in what is the caller's own inside is looked for when a command starts.
    const isOwn = ['/tmp', ...homes].some((place) => isAbove(place, workdir));
    const cwd = isOwn ? (workspace ?? '/') : workdir;
    const found = findProblem(profile, {
      paths: paths.observe(profile, { cwd, realHome, searchPath: '', own: [home] }),
    });
    if (found !== null) return plainly(found);
  }
  return null;
}

/** Who sets it up reads of a setting: its key and the path as it was written are put before the text. */
const plainly = ({ key, path, message, fix }: LaunchProblem): Refused => ({
  path,
  message: message.slice(`${key}: ${path} `.length),
  fix,
});

/** The setting that holds a path, and how it stands there. */
function writtenAs({ box, sandbox, exec }: Config, path: string): { readonly key: string; readonly asked: string } {
  const written: readonly (readonly [key: string, asked: string | null])[] = [
    ['box.workspace', box.workspace],
    ...sandbox.writable.map((asked) => ['sandbox.writable', asked] as const),
    ...sandbox.readable.map((asked) => ['sandbox.readable', asked] as const),
    ['exec.default_workdir', exec.default_workdir],
  ];
  for (const [key, asked] of written) {
    if (asked !== null && (asked === path || canonical(asked) === path)) return { key, asked };
  }
  const [key = 'box.workspace'] = written.find(([, asked]) => asked !== null && isAbove(canonical(asked), path)) ?? [];
  return { key, asked: path };
}
