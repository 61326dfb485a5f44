/**
 * The port through which skills are read, so that a box can serve them one day. Reading is by an open file whose real
 * place was checked: a link that is changed between check and read leads nowhere.
 */

export interface FolderEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
}

export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other';
  /** in bytes */
  readonly size: number;
  /** stays the same while the path leads to the same file or folder */
  readonly id: string;
  /** changes whenever the file's content may have changed */
  readonly version: string;
}

export type ReadResult =
  | { readonly kind: 'read'; readonly bytes: Uint8Array; readonly size: number }
  | { readonly kind: 'outside'; readonly target: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'not-a-file' }
  | { readonly kind: 'unreadable'; readonly cause: string };

export interface SkillFiles {
  /** sorted by name; undefined when there is no such folder or it cannot be read */
  entries(folder: string): Promise<readonly FolderEntry[] | undefined>;
  /** follows links */
  facts(path: string): Promise<FileFacts | undefined>;
  realPath(path: string): Promise<string | undefined>;
  /** the first `maxBytes` of a file whose real path is below `insideRealPath` */
  read(path: string, insideRealPath: string, maxBytes: number): Promise<ReadResult>;
  /** undefined when no watcher is to be had: then the caller polls. `onFault` ends the watch. */
  watch(folder: string, onChange: (name: string | null) => void, onFault: () => void): Disposable | undefined;
}
