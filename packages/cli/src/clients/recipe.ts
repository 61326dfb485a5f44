/** What `connect` knows of one client: what to show, and which file it may write. */

export interface Door {
  /** the address of /mcp */
  readonly url: string;
  readonly token: string;
}

export interface Places {
  readonly home: string;
  readonly cwd: string;
}

interface Step {
  readonly say: string;
  /** shown apart, to be copied as it is */
  readonly copy: string | null;
}

/** A file of the client with our one entry in it. */
export interface Entry {
  readonly file: string;
  readonly format: 'json' | 'toml';
  /** the table that holds the servers, then our name in it */
  readonly path: readonly [servers: string, name: string];
  readonly value: Readonly<Record<string, unknown>>;
  /** items to have in arrays beside it, by their `id` */
  readonly lists: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  /** what is left to do after writing */
  readonly next: string;
}

export interface Recipe {
  readonly name: string;
  readonly title: string;
  /** reaches us from the internet: a loopback address does not do */
  readonly remote: boolean;
  steps(door: Door, places: Places): readonly Step[];
  entry(door: Door, places: Places): Entry | null;
}

export const SERVER_NAME = 'agentbox';
export const bearer = (door: Door): string => `Bearer ${door.token}`;
