/**
 * The file system of a sandbox as a list of mounts, outermost first: an empty root, and on it what the profile and the
 * system allow. The most specific mount wins, except that nothing shows below what is hidden. Pure.
 */
import { depthOf, innermost, isBelow, isInside, outermost } from '../paths.ts';
import type { Guarded, GuardFacts, Mask, PathFacts } from './facts.ts';

export type Mount =
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'read' | 'write'; readonly path: string; readonly source: string }
  /** an empty read-only directory, or a file that cannot be opened, over whatever is there */
  | { readonly kind: 'mask-directory' | 'mask-file'; readonly path: string }
  | { readonly kind: 'proc' | 'dev'; readonly path: string };

interface Layer {
  readonly mount: Mount;
  /** among mounts of one place the higher comes later, and so wins */
  readonly rank: number;
}

const RANK = { system: 0, mask: 1, own: 2, tool: 3, readable: 4, writable: 5, guard: 6, hidden: 7 } as const;

export function planMounts(paths: PathFacts): readonly Mount[] {
  const hidden = [...paths.hidden, ...paths.own.map((path) => ({ path, kind: 'directory' as const }))];
  const shown = [...systemLayers(paths), ...privateLayers(paths), ...toolLayers(paths), ...rootLayers(paths)];
  const isOpen = ({ mount }: Layer): boolean => !hidden.some((mask) => isInside(mask.path, mount.path));
  const visible = shown.filter(isOpen);
  const guard = guardLayers(paths.guard, visible).filter(isOpen);
  const layers = [...visible, ...guard, ...hiddenLayers(hidden, visible)];
  return layers
    .toSorted((a, b) => depthOf(a.mount.path) - depthOf(b.mount.path) || a.rank - b.rank)
    .map((layer) => layer.mount);
}

function systemLayers(paths: PathFacts): readonly Layer[] {
  const { system } = paths;
  const mounts: Mount[] = [
    { kind: 'proc', path: '/proc' },
    { kind: 'dev', path: '/dev' },
    { kind: 'read', path: '/sys/devices/system/cpu', source: '/sys/devices/system/cpu' },
    { kind: 'directory', path: '/run' },
    { kind: 'link', path: '/var/run', target: '/run' },
    varTmp(paths),
    ...system.roots.map(
      ({ path, link }): Mount =>
        link === null ? { kind: 'read', path, source: path } : { kind: 'link', path, target: link },
    ),
  ];
  return [...ranked(RANK.system, mounts), ...ranked(RANK.mask, system.masked.map(maskMount))];
}

/** A link, as many systems have it, unless something has to be mounted below: then it is the same directory again. */
function varTmp(paths: PathFacts): Mount {
  const path = '/var/tmp';
  const named = [paths.realHome, ...canonicalRoots([...paths.readable, ...paths.writable])];
  const below = [...named, ...paths.tools.map((tool) => tool.path)].some((one) => isBelow(path, one));
  if (below) return { kind: 'write', path, source: privateTmp(paths) };
  return { kind: 'link', path, target: '/tmp' };
}

const privateTmp = ({ tmp }: PathFacts): string => tmp.canonical ?? tmp.asked;

function privateLayers(paths: PathFacts): readonly Layer[] {
  const { home, realHome } = paths;
  return ranked(RANK.own, [
    { kind: 'write', path: '/tmp', source: privateTmp(paths) },
    { kind: 'write', path: realHome, source: home.canonical ?? home.asked },
  ]);
}

/** What lies in a directory of the profile is there as the profile says. */
function toolLayers(paths: PathFacts): readonly Layer[] {
  const roots = canonicalRoots([...paths.readable, ...paths.writable]);
  const tools = paths.tools.filter((tool) => !roots.some((root) => isInside(root, tool.path)));
  return ranked(
    RANK.tool,
    tools.map(({ path, source }) => ({ kind: 'read', path, source })),
  );
}

function rootLayers(paths: PathFacts): readonly Layer[] {
  const bind = (kind: 'read' | 'write', roots: PathFacts['readable']): readonly Mount[] =>
    canonicalRoots(roots).map((path) => ({ kind, path, source: path }));
  return [
    ...ranked(RANK.readable, bind('read', paths.readable)),
    ...ranked(RANK.writable, bind('write', paths.writable)),
  ];
}

const canonicalRoots = (roots: PathFacts['readable']): readonly string[] => [
  ...new Set(roots.flatMap(({ canonical }) => canonical ?? [])),
];

/** Only what the sandbox could write needs a guard. */
function guardLayers(guard: GuardFacts, visible: readonly Layer[]): readonly Layer[] {
  const mounts = visible.map((layer) => layer.mount);
  const guarded = guard.guarded.filter(({ path }) => innermost(mounts, path)?.kind === 'write');
  const settled = oneEach(guarded).filter(
    ({ path }) => !guarded.some((one) => one.how === 'read-only' && isBelow(one.path, path)),
  );
  return ranked(
    RANK.guard,
    settled.map(({ path, how }): Mount => {
      if (how === 'absent') return { kind: 'mask-directory', path };
      return { kind: how === 'pinned' ? 'write' : 'read', path, source: path };
    }),
  );
}

/** Of several for one place the one that says more than that it stays where it is. */
function oneEach(guarded: readonly Guarded[]): readonly Guarded[] {
  const each = new Map<string, Guarded>();
  for (const one of guarded) if (one.how !== 'pinned' || !each.has(one.path)) each.set(one.path, one);
  return [...each.values()];
}

/** A place that is not shown needs no mask: masking it would only make its name known. */
function hiddenLayers(hidden: readonly Mask[], visible: readonly Layer[]): readonly Layer[] {
  const mounts = visible.map((layer) => layer.mount);
  const outer = new Set(outermost(hidden.map((mask) => mask.path)));
  const masks = hidden.filter((mask) => outer.has(mask.path) && showsItself(innermost(mounts, mask.path)));
  return ranked(RANK.hidden, masks.map(maskMount));
}

const showsItself = (mount: Mount | undefined): boolean =>
  mount !== undefined && (mount.kind === 'read' || mount.kind === 'write') && mount.source === mount.path;

const maskMount = ({ path, kind }: Mask): Mount => ({
  kind: kind === 'directory' ? 'mask-directory' : 'mask-file',
  path,
});

const ranked = (rank: number, mounts: readonly Mount[]): readonly Layer[] => mounts.map((mount) => ({ mount, rank }));
