/**
 * Where and within which bounds a command runs. A SandboxProfile is fully settled: nothing below it fills in a default.
 * A LaunchPlan is what a profile comes to on this machine, for the one process that starts it.
 */

/** `host` is this machine without a sandbox and without a guard. */
export const PROFILE_NAMES = ['workspace', 'read-only', 'host'] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

export interface SandboxLimits {
  /** memory of everything in the sandbox, in `bytes` */
  readonly memoryBytes: number;
  /** processes and threads of everything in the sandbox */
  readonly processes: number;
  /** open files of one process */
  readonly openFiles: number;
  /** largest file that one process may write, in `bytes` */
  readonly fileBytes: number;
  /** CPU time of one process, in `seconds`; null: unbounded */
  readonly cpuSeconds: number | null;
}

export interface SandboxProfile {
  readonly name: 'workspace' | 'read-only';
  /** absolute directories that may be read beside the system's own programs and libraries */
  readonly readable: readonly string[];
  /** absolute directories that may be written; empty for `read-only` */
  readonly writable: readonly string[];
  /** absolute paths that look absent or empty, whatever lies above them */
  readonly hidden: readonly string[];
  /** host directory that is /tmp inside, and the one that is HOME: the owner's own, kept between commands */
  readonly tmp: string;
  readonly home: string;
  /** `none`: no network at all; `rules`: what `network_rule` lets through the proxy */
  readonly network: 'none' | 'rules';
  /** refuses programs that the sandbox could have written itself */
  readonly noExecFromWritable: boolean;
  readonly limits: SandboxLimits;
}

/** Soft and hard limits are the same; null leaves what is inherited. */
export interface ResourceLimits {
  readonly addressSpaceBytes: number | null;
  readonly processes: number | null;
  readonly openFiles: number;
  readonly fileBytes: number;
  readonly cpuSeconds: number | null;
}

export interface LaunchPlan {
  /** bubblewrap and its arguments up to, not including, the command; null: no user namespaces, Landlock holds alone */
  readonly bubblewrap: { readonly program: string; readonly args: readonly string[] } | null;
  /** the second layer, as paths inside; one that does not exist is left out by whoever applies it */
  readonly landlock: { readonly read: readonly string[]; readonly write: readonly string[] };
  readonly rlimits: ResourceLimits;
  /** limits of the session's control group, where there is one; null: `rlimits` stand in */
  readonly group: { readonly memoryBytes: number; readonly processes: number } | null;
  /** `proxy`: a listener inside the sandbox's network namespace is handed out */
  readonly network: 'none' | 'proxy';
  /** laid over the child's environment; null removes the variable */
  readonly environment: Readonly<Record<string, string | null>>;
  /** refuses programs on a file system that the sandbox may write */
  readonly noExecFromWritable: boolean;
  /** absolute directories that are writable inside, most of it as told to a person */
  readonly writable: readonly string[];
}

/** With what a box holds its sandboxes: found out by whoever may start programs to try it. */
export interface MachineMeans {
  readonly engine:
    | {
        readonly kind: 'namespaces';
        /** `version` is for example `[0, 8, 0]` */
        readonly bubblewrap: { readonly program: string; readonly version: readonly [number, number, number] };
      }
    | { readonly kind: 'landlock' };
  /** a control group bounds the memory and the processes of a session together */
  readonly groupLimits: boolean;
}

/** Where the proxy listens inside the sandbox. */
export const PROXY_PORT = 3128;
