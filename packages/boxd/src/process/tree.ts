/**
 * The processes of one session, however deep: those that carry its tag, those of its kernel session, and whatever
 * descends from either. Signals reach all of them; a fatal one is repeated in rounds, because a tree may grow while
 * it is being ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackgroundProcess } from '@agentbox/protocol';
import type { Cgroup } from './cgroup.ts';
import {
  isAlive,
  lastPid,
  listPids,
  type ProcessFacts,
  readCommand,
  readListeners,
  readProcess,
  readSocketInodes,
  readTag,
  readVariable,
} from './table.ts';

export interface TreeRoot {
  readonly leader: number;
  readonly tag: string;
  /** ms since the epoch */
  readonly startedAt: number;
  /** false once the leader is reaped: its number may then belong to a stranger */
  readonly leaderAlive: boolean;
  /** what the kernel counts as the session, or null: tag and ancestry are followed in every case */
  readonly group: Cgroup | null;
  /** its name in the environment of its processes, or null */
  readonly session: string | null;
}

const SESSION_VARIABLE = 'AGENTBOX_SESSION';

/** Within this time no machine gives out every pid once: only then does a smaller pid prove a stranger. */
const PIDS_GROW_MS = 20_000;

/** Pids that may belong to the session: all, or those given out after the leader of a young one. */
function candidates({ leader, startedAt }: TreeRoot): readonly number[] {
  const young = Date.now() - startedAt < PIDS_GROW_MS;
  if (young && lastPid() === leader) return [leader];
  const pids = listPids();
  // Read after the list, so that nothing born meanwhile is taken for a stranger.
  return young && lastPid() > leader ? pids.filter((pid) => pid >= leader) : pids;
}

/** Every living process of the session. */
export function membersOf(root: TreeRoot, self: number = process.pid): readonly ProcessFacts[] {
  const grouped = new Set(root.group?.pids());
  const facts = readAlive(new Set([...candidates(root), ...grouped]), self);
  return withDescendants(facts, (one) => grouped.has(one.pid) || belongs(root, one));
}

function readAlive(pids: Iterable<number>, ...apart: readonly number[]): readonly ProcessFacts[] {
  const found: ProcessFacts[] = [];
  for (const pid of pids) {
    const facts = apart.includes(pid) ? undefined : readProcess(pid);
    if (facts !== undefined && isAlive(facts)) found.push(facts);
  }
  return found;
}

function withDescendants(
  facts: readonly ProcessFacts[],
  isRoot: (one: ProcessFacts) => boolean,
): readonly ProcessFacts[] {
  const members = new Map<number, ProcessFacts>();
  for (const one of facts) if (isRoot(one)) members.set(one.pid, one);
  for (let grown = members.size > 0; grown; ) {
    grown = false;
    for (const one of facts) {
      if (!members.has(one.pid) && members.has(one.parent)) {
        members.set(one.pid, one);
        grown = true;
      }
    }
  }
  return [...members.values()];
}

function belongs(root: TreeRoot, one: ProcessFacts): boolean {
  if (root.leaderAlive && (one.pid === root.leader || one.session === root.leader)) return true;
  if (readTag(one.pid) === root.tag) return true;
  // An orphan that this daemon adopted is somebody's: what shed its mark may still carry the name.
  const adopted = root.session !== null && one.parent === process.pid;
  return adopted && readVariable(one.pid, SESSION_VARIABLE) === root.session;
}

/** Sends the signal; false when the process is gone. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

export interface Ended {
  readonly signalled: number;
  readonly alive: number;
}

const ROUND_MS = 15;

/** Signals the tree and waits at most `waitMs` for it to be gone. SIGKILL is sent anew to whatever was born since. */
export async function signalTree(root: () => TreeRoot, signal: NodeJS.Signals, waitMs: number): Promise<Ended> {
  const deadline = Date.now() + waitMs;
  let alive = membersOf(root());
  const signalled = signal === 'SIGKILL' ? alive.length : signalEach(root, signal, alive);
  if (signal === 'SIGKILL') await killRound(root().group, alive, 'SIGSTOP');
  while (alive.length > 0 && Date.now() < deadline) {
    await sleep(ROUND_MS);
    alive = membersOf(root());
    if (signal === 'SIGKILL') await killRound(root().group, alive);
  }
  return { signalled, alive: alive.length };
}

/** The kernel's kill first: it leaves no moment for a birth. `before` holds those outside of it still. */
async function killRound(group: Cgroup | null, alive: readonly ProcessFacts[], before?: NodeJS.Signals): Promise<void> {
  if (alive.length === 0) return;
  await group?.kill();
  if (before !== undefined) for (const one of alive) sendSignal(one.pid, before);
  for (const one of alive) sendSignal(one.pid, 'SIGKILL');
}

/** looks for processes born while their tree is signalled */
const LOOKS = 10;

/** Each process gets the signal once, also those born during the round; gives back how many did. */
function signalEach(root: () => TreeRoot, signal: NodeJS.Signals, first: readonly ProcessFacts[]): number {
  const reached = new Set<number>();
  let fresh = first;
  for (let look = 0; fresh.length > 0 && look < LOOKS; look += 1) {
    for (const { pid } of fresh) {
      reached.add(pid);
      sendSignal(pid, signal);
      // A stopped process never sees a request to end: let it run so that it can.
      if (signal === 'SIGTERM' || signal === 'SIGHUP') sendSignal(pid, 'SIGCONT');
    }
    fresh = membersOf(root()).filter(({ pid }) => !reached.has(pid));
  }
  return reached.size;
}

export interface BoxTree {
  readonly tagPrefix: string;
  /** pid of the daemon: its children are the leaders and the orphans of all sessions */
  readonly daemon: number;
  /** pid of the child that is no session's */
  readonly guardian: number;
  /** holds the groups of all sessions, or null */
  readonly group: Cgroup | null;
}

function membersOfBox({ tagPrefix, daemon, guardian, group }: BoxTree): readonly ProcessFacts[] {
  const grouped = new Set(group?.pids());
  const ours = ({ pid, parent }: ProcessFacts): boolean =>
    grouped.has(pid) || parent === daemon || readTag(pid)?.startsWith(tagPrefix) === true;
  return withDescendants(readAlive(listPids(), daemon, guardian), ours);
}

/** Ends all sessions with one look at the machine for each round, however many there are. */
export async function endBox(tree: BoxTree, termWaitMs: number, killWaitMs: number): Promise<void> {
  let alive = membersOfBox(tree);
  for (const one of alive) {
    sendSignal(one.pid, 'SIGTERM');
    sendSignal(one.pid, 'SIGCONT');
  }
  for (let end = Date.now() + termWaitMs; alive.length > 0 && Date.now() < end; alive = membersOfBox(tree)) {
    await sleep(ROUND_MS);
  }
  for (let end = Date.now() + killWaitMs; alive.length > 0 && Date.now() < end; alive = membersOfBox(tree)) {
    await killRound(tree.group, alive);
    await sleep(ROUND_MS);
  }
}

/** Kills whatever carries a tag with this prefix: what a dead daemon left behind. */
export function killTagged(prefix: string): number {
  let killed = 0;
  for (const pid of listPids()) {
    if (readTag(pid)?.startsWith(prefix) === true && sendSignal(pid, 'SIGKILL')) killed += 1;
  }
  return killed;
}

const BACKGROUND_LIMIT = 100;

export function describeBackground(members: readonly ProcessFacts[]): readonly BackgroundProcess[] {
  if (members.length === 0) return [];
  const listeners = readListeners();
  return members.slice(0, BACKGROUND_LIMIT).map(({ pid }) => {
    const ports = readSocketInodes(pid).flatMap((inode) => listeners.get(inode) ?? []);
    return { pid, command: readCommand(pid), ports: [...new Set(ports)].sort((a, b) => a - b) };
  });
}
