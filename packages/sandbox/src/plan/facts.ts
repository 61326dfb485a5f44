/**
 * What a plan is decided from. Everything here was looked at on the disk, once, by `observePaths`; the decision itself
 * reads nothing. All paths are absolute and canonical unless a field says otherwise.
 */

export type EntryKind = 'directory' | 'file' | 'link' | 'other' | 'missing';

/** A directory that a profile names. */
export interface RootFacts {
  /** as the profile names it */
  readonly asked: string;
  /** null: it does not exist, or cannot be reached */
  readonly canonical: string | null;
  readonly kind: EntryKind;
  /** who owns it, when this user could not write it without root's capabilities; else null */
  readonly foreign: number | null;
}

/** How one name below `/` comes to be inside: as the link that it is, or as the directory. */
export interface SystemRoot {
  readonly path: string;
  readonly link: string | null;
}

export interface SystemFacts {
  readonly roots: readonly SystemRoot[];
  /** what lies in a readable place and must not be read: no right for others outside, or a place of secrets by name */
  readonly masked: readonly Mask[];
}

export interface Mask {
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

/** Read-only from `source`, visible as `path`. */
export interface Shown {
  readonly source: string;
  readonly path: string;
}

/**
 * A name in a writable directory by which the host could later be made to run or believe something. `read-only`: what
 * it holds stands. `pinned`: writable, but cannot be renamed or replaced. The others are not there, and must stay so:
 * for as long as the sandbox lives, `absent` is an empty read-only directory, `stand-in` a file that says nothing new.
 */
export type Guarded =
  | { readonly path: string; readonly how: 'read-only' | 'pinned' | 'absent' }
  | { readonly path: string; readonly how: 'stand-in'; readonly content: string };

export interface GuardFacts {
  readonly guarded: readonly Guarded[];
  /** names that can be replaced whatever is mounted, because they are links */
  readonly unguardable: readonly string[];
}

export interface PathFacts {
  readonly cwd: RootFacts;
  readonly readable: readonly RootFacts[];
  readonly writable: readonly RootFacts[];
  readonly hidden: readonly Mask[];
  readonly tmp: RootFacts;
  readonly home: RootFacts;
  /** of the user, as the command sees it */
  readonly realHome: string;
  /** agentbox's own state, configuration and rules */
  readonly own: readonly string[];
  readonly system: SystemFacts;
  /** tools of the real home and of the search path */
  readonly tools: readonly Shown[];
  readonly guard: GuardFacts;
  /** what lies in a directory that is read while something in it is hidden; only looked at for Landlock alone */
  readonly entries: ReadonlyMap<string, readonly string[]>;
  /** cwd below the private /tmp or HOME exists there */
  readonly privateCwd: boolean;
}

export interface BubblewrapFacts {
  readonly program: string;
  /** for example `[0, 8, 0]` */
  readonly version: readonly [number, number, number];
}

export interface LaunchFacts {
  readonly paths: PathFacts;
  readonly uid: number;
  readonly engine:
    | { readonly kind: 'namespaces'; readonly bubblewrap: BubblewrapFacts }
    | { readonly kind: 'landlock' };
  /** the box's own environment, never what a caller asked for */
  readonly environment: Readonly<Record<string, string>>;
  /** memory and processes of a session are bounded by a control group */
  readonly groupLimits: boolean;
}
