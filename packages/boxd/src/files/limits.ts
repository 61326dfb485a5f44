/** Bounds of the file operations. docs/limits.md lists them. */
export const MAX_PATCH_BYTES = 16 * 1024 * 1024;
export const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** bytes of all files that one patch reads */
export const MAX_READ_BYTES = 512 * 1024 * 1024;
/** distinct paths that one patch may name */
export const MAX_PATHS = 10_000;
/** patches that may wait for one path */
export const MAX_WAITING = 64;
/** links that a path may lead through */
export const MAX_LINKS = 40;
/** times a patch is planned anew because a file changed between reading and writing */
export const MAX_ATTEMPTS = 3;
/** folders that one patch holds open at a time */
export const MAX_OPEN_FOLDERS = 128;
/** contents that are being brought to the disk at a time */
export const MAX_SYNCING = 32;
/** a content up to this size is read and written without the thread pool */
export const SMALL_BYTES = 256 * 1024;
/** time for which file calls may keep the event loop from its other work */
export const SLICE_MS = 8;
/** age at which unfinished work of a process that cannot be looked up counts as abandoned */
export const FOREIGN_AGE_MS = 10 * 60 * 1000;
