/** The only door to a box daemon for other rooms: find or start it, connect, call, watch, resume. */
export { type BoxClientOptions, type BoxConnection, connectBox } from './client.ts';
export { type DaemonOptions, endOtherDaemon, findDaemon, type RunningDaemon, startBoxDaemon } from './daemon.ts';
