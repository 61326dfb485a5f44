/** The stores of the control plane on SQLite. */
export { type OpenedStores, openStores, type SqliteOptions, type StorageState } from './open-stores.ts';
