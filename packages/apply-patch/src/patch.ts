/** What a patch says, as data. Line numbers count from 1 at the line `*** Begin Patch`. */

/** One line of a chunk: kept, added or removed. */
export interface ChunkLine {
  readonly sign: ' ' | '+' | '-';
  readonly text: string;
}

export interface Chunk {
  /** the texts after `@@`: each narrows the search to what follows the line it names */
  readonly contexts: readonly string[];
  readonly lines: readonly ChunkLine[];
  /** the chunk was closed by `*** End of File` */
  readonly endOfFile: boolean;
  /** where the chunk stands in the patch */
  readonly line: number;
}

export type Hunk =
  | { readonly kind: 'add'; readonly path: string; readonly content: string; readonly line: number }
  | { readonly kind: 'delete'; readonly path: string; readonly line: number }
  | {
      readonly kind: 'update';
      readonly path: string;
      readonly moveTo: string | null;
      readonly chunks: readonly Chunk[];
      readonly line: number;
    };

export type UpdateHunk = Extract<Hunk, { readonly kind: 'update' }>;

export interface Patch {
  readonly environmentId: string | null;
  readonly hunks: readonly Hunk[];
  /** the same patch with space-padded markers read as markers, where that differs; used when `hunks` does not match */
  readonly padded: readonly Hunk[] | null;
}

/** `line` is null when the patch as a whole is not one. */
export interface PatchSyntaxError {
  readonly line: number | null;
  readonly message: string;
}

export type ParseResult =
  | { readonly kind: 'patch'; readonly patch: Patch }
  | { readonly kind: 'invalid'; readonly error: PatchSyntaxError };
