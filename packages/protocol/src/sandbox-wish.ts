/** What a client wants its commands held to, in one form whatever the client sent. Nothing of it is granted yet. */

export type WishAccess = 'read' | 'write' | 'none';

export type WishPlace =
  /** as sent: absolute, or relative to the client's working directory */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'glob'; readonly pattern: string }
  | {
      readonly kind: 'special';
      /** a name that is not known matches nothing, and so grants nothing */
      readonly name: 'root' | 'minimal' | 'cwd' | 'tmp' | 'unknown';
      readonly below: string | null;
    };

export interface WishEntry {
  readonly place: WishPlace;
  readonly access: WishAccess;
}

export interface SandboxWish {
  /** null: the client said nothing of files; `unrestricted`: whatever the operator allows */
  readonly files: 'unrestricted' | readonly WishEntry[] | null;
  /** null: the client said nothing of the network */
  readonly network: boolean | null;
  /** the client's working directory, absolute */
  readonly cwd: string | null;
  /** folders under a pattern that are looked through, at most */
  readonly globDepth: number | null;
}
