/**
 * One session in its sandbox, from the plan to the end: the program that is started instead of the command, the line
 * to the warden, and the proxy of its network. Ends with the warden, and ends it.
 */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { attachGuard, type Guard, wardenArgv } from '@agentbox/exec-guard';
import type { ExecEntry, ExitStatus, LaunchPlan } from '@agentbox/protocol';
import { type Egress, type PlaceholderHold, ruleFor, serveEgress } from '@agentbox/sandbox';
import type { Libc } from '../native/libc.ts';
import { fetchDescriptor, openLine } from '../native/link.ts';
import type { ExecPolicy } from '../policy/index.ts';
import type { Cgroup } from '../process/cgroup.ts';
import { BoundGroup } from '../process/limits.ts';
import { readArguments, readProcess } from '../process/table.ts';
import type { Environment } from '../session/environment.ts';
import type { Program } from '../session/launch.ts';
import type { Guarded, Start } from '../session/start.ts';
import type { SessionGuard } from './session-guard.ts';

export interface GuardedLaunchParts {
  readonly libc: Libc;
  /** path of the warden */
  readonly warden: string;
  readonly plan: LaunchPlan;
  /** canonical, as seen inside */
  readonly cwd: string;
  readonly program: Program;
  readonly environment: Environment;
  readonly guard: SessionGuard;
  readonly policy: () => ExecPolicy;
  /** name of the group that bounds the session */
  readonly groupName: string;
  /** puts in the workspace what its sandbox is mounted on, until the end */
  readonly holdPlaces: () => PlaceholderHold;
  /** ports of this product, closed to every sandbox */
  readonly ownPorts: () => readonly number[];
  /** rule file that a refusal of a connection names */
  readonly rulesFile: string;
  readonly record: (what: ExecEntry['what']) => void;
  readonly onEnd: () => void;
}

/** What a session learns of its guard. */
export interface GuardListener {
  /** the command has ended; what it left may go on */
  exited(exit: ExitStatus): void;
  note(text: string): void;
  /** the guard is gone: nothing of the session may go on without it */
  unguarded(): void;
}

const SIGNAL_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, value]) => [value, name]),
);

export class GuardedLaunch implements Guarded {
  readonly guard: SessionGuard;
  readonly #parts: GuardedLaunchParts;
  readonly #listener: GuardListener;
  readonly #line: { readonly ownFd: number; readonly childFd: number };
  #link: Guard | null = null;
  #egress: Egress | null = null;
  readonly #bounds: BoundGroup | null;
  readonly #places: PlaceholderHold;
  #infrastructure: ReadonlySet<number> = new Set();
  #command: number | null = null;
  #pid = 0;
  #hasExited = false;
  /** something ran outside, and may have left something there */
  #wasOutside = false;

  constructor(parts: GuardedLaunchParts, listener: GuardListener) {
    this.guard = parts.guard;
    this.#parts = parts;
    this.#listener = listener;
    this.#line = openLine(parts.libc);
    this.#places = parts.holdPlaces();
    const { group } = parts.plan;
    this.#bounds = group === null ? null : new BoundGroup(parts.groupName, group);
  }

  get infrastructure(): ReadonlySet<number> {
    return this.#infrastructure;
  }

  get command(): number | null {
    return this.#command;
  }

  /** What is started in place of the command. */
  get start(): Start {
    const { warden, plan, program, environment, cwd } = this.#parts;
    const argv = wardenArgv(warden, plan, { ...program, cwd });
    return {
      program: { path: warden, argv, ignoresHangup: program.ignoresHangup ?? false },
      environment: laidOver(environment, plan.environment),
      // Inside there are directories that the host does not have at this path.
      cwd: '/',
      guarded: {
        line: this.#line.childFd,
        around: (spawn) => (this.#bounds === null ? spawn() : this.#bounds.around(spawn)),
        begin: (pid, group) => this.#begin(pid, group),
        abandon: () => this.#abandon(),
      },
    };
  }

  /** Until the command is known, whatever asks is taken for it. */
  isDirect(pid: number): boolean {
    if (this.#command === null) return true;
    const isOfCommand = pid === this.#command || readProcess(pid)?.parent === this.#command;
    // A shell gives its place to the last program that it starts, which may be a script or a build.
    return isOfCommand && isCommandLine(readArguments(this.#command));
  }

  /** The rules have changed: other programs must be asked about. */
  headsChanged(): void {
    this.#link?.setHeads(this.#parts.policy().heads());
  }

  #begin(pid: number, group: Cgroup | null): Guarded {
    const { guard, policy } = this.#parts;
    closeSync(this.#line.childFd);
    this.#pid = pid;
    this.#infrastructure = new Set([pid]);
    this.#bounds?.born(group);
    for (const missing of this.#bounds?.missing ?? []) this.#listener.note(`a bound could not be set: ${missing}`);
    const socket = new Socket({ fd: this.#line.ownFd, readable: true, writable: true });
    socket.on('close', () => void this.#ended());
    this.#link = attachGuard(socket, {
      decide: (request, signal) => guard.decide(request, signal),
      ran: (facts) => guard.ran(facts),
      refused: (facts, reason) => guard.refused(facts, reason),
      killed: (facts, reason) => guard.refused(facts, reason),
      started: ({ pid: command, infrastructure }) => {
        this.#command = command;
        this.#infrastructure = new Set([pid, ...infrastructure]);
      },
      exited: ({ code, signal }) => {
        this.#hasExited = true;
        this.#listener.exited(exitStatus(code, signal));
      },
      listener: (fd) => this.#serve(fd),
      escalated: (facts, pid) => {
        this.#wasOutside = true;
        guard.escalated(facts, pid);
      },
      escalatedEnded: (end) => guard.escalatedEnded(end),
      failed: (reason) => this.#listener.note(`the sandbox failed: ${reason}`),
      broken: (reason) => this.#listener.note(`the guard of this session failed: ${reason}`),
    });
    this.#link.setHeads(policy().heads());
    return this;
  }

  /** The proxy of a sandbox listens inside it, and serves from here. */
  #serve(fd: number): void {
    const { libc, policy, record, rulesFile } = this.#parts;
    const fetched = fetchDescriptor(libc, this.#pid, fd);
    if ('error' in fetched) {
      this.#listener.note(`there is no network: the listener of the proxy could not be fetched (${fetched.error})`);
      return;
    }
    this.#egress = serveEgress({
      listener: { fd: fetched.fd },
      decide: (request) => {
        const { decision, rule, text } = policy().network(request.host, request.port, request.protocol);
        if (decision === 'allow') return { kind: 'allow', rule };
        if (rule !== null) return { kind: 'refuse', rule, reason: text, needed: null };
        const reason = `no rule allows ${request.protocol} to ${request.host}:${request.port}`;
        return { kind: 'refuse', rule, reason, needed: ruleFor(request, rulesFile) };
      },
      record,
      isGranted: (address, { port, protocol }) => policy().network(address, port, protocol).decision === 'allow',
      rulesFile,
      ownPorts: this.#parts.ownPorts(),
    });
  }

  #abandon(): void {
    closeSync(this.#line.childFd);
    closeSync(this.#line.ownFd);
    this.#places.release();
    this.#bounds?.release();
    this.#parts.onEnd();
  }

  async #ended(): Promise<void> {
    this.#link?.close();
    if (!this.#hasExited || this.#wasOutside) this.#listener.unguarded();
    this.#places.release();
    this.#bounds?.release();
    this.#parts.onEnd();
    await this.#egress?.close(0);
  }
}

const SHELL = /(?:^|\/)-?(?:ba|da|z|k|a|fi)?sh$/;

/** A shell that was given its words as words, or by a person: not one that runs a file. */
function isCommandLine([shell = '', ...words]: readonly string[]): boolean {
  if (!SHELL.test(shell)) return false;
  return words.every((word) => /^[-+]/.test(word)) || words.some((word) => /^-[a-zA-Z]*c$/.test(word));
}

function exitStatus(code: number, signal: number | null): ExitStatus {
  if (signal === null) return { code, signal: null, at: Date.now() };
  return { code, signal: SIGNAL_NAMES.get(signal) ?? `SIG${signal}`, at: Date.now() };
}

function laidOver(environment: Environment, changes: LaunchPlan['environment']): Environment {
  const merged: Record<string, string> = { ...environment };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete merged[name];
    else merged[name] = value;
  }
  return merged;
}
