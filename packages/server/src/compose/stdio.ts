/**
 * MCP on standard input and output. Beside a running server it is a pipe to it, so that there is one record and one
 * policy; otherwise it is a server of its own without HTTP, which further ones then join.
 */
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { AgentboxError, VERSION } from '@agentbox/protocol';
import { weakerSettings } from '../config/mapping.ts';
import { connectMcp } from '../lifecycle/control-client.ts';
import { listenForOperator } from '../lifecycle/control-socket.ts';
import { homePaths } from '../lifecycle/home.ts';
import { serveStdioDoor } from '../mcp/stdio.ts';
import { composeCore, failureOf, OPERATOR_CALLER, serveMcpOn } from './core.ts';
import { layGround } from './ground.ts';
import { openPlace, type StartOptions } from './place.ts';
import { reportFaultsTo } from './report-fault.ts';
import { settleBox } from './settle-box.ts';
import { settleSandbox } from './settle-sandbox.ts';
import { watchUncaught } from './uncaught.ts';

export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

export async function runStdio(options: StartOptions, streams: Streams): Promise<void> {
  try {
    await serveAlone(options, streams);
  } catch (fault) {
    if (!(fault instanceof AgentboxError) || fault.code !== 'ALREADY_RUNNING') throw fault;
    await join(await connectMcp(homePaths(options.home).control), streams);
  }
}

/** Ends with the connection; the end of the input is passed on, and the server then ends the connection. */
async function join(socket: Socket, { stdin, stdout }: Streams): Promise<void> {
  stdin.on('error', () => socket.destroy()).pipe(socket);
  stdout.on('error', () => socket.destroy());
  socket.pipe(stdout, { end: false });
  await finished(socket).catch(() => undefined);
  stdin.destroy();
}

async function serveAlone(options: StartOptions, streams: Streams): Promise<void> {
  const clock = Date.now;
  await using stack = new AsyncDisposableStack();
  const place = openPlace(options, stack);
  const reportFault = reportFaultsTo(process.stderr, clock);
  const uncaught = stack.use(watchUncaught(reportFault));
  const settled = await settleSandbox({ ...options, ...place });
  const coreOptions = { ...options, ...place, ...settled, clock, reportFault };
  const ground = stack.use(await layGround(coreOptions));
  const core = stack.use(await composeCore(coreOptions, ground));
  ground.keepBox();
  const guests = new Set<Promise<void>>();
  const serveMcp = (socket: Socket): Promise<void> => {
    const guest = serveMcpOn(core, socket);
    guests.add(guest);
    return guest.finally(() => guests.delete(guest));
  };
  stack.use(await listenForOperator(place.paths.control, { operator: core.operator, inbox: core.inbox, serveMcp }));
  const { profile } = settled.config.box;
  await core.record('server.started', 'stdio', { pid: process.pid, version: VERSION, profile });
  for (const setting of weakerSettings(settled.config)) await core.record('setting.weaker', setting, {});
  try {
    const { ended } = serveStdioDoor(core.door, OPERATOR_CALLER, streams);
    await Promise.race([ended, uncaught.failed, failureOf(core)]);
  } catch (fault) {
    await core.record('server.stopped', 'stdio', { pid: process.pid, box: 'kept' }).catch(() => undefined);
    streams.stdin.destroy();
    throw fault;
  }
  // Whoever joined meanwhile is served to the end.
  while (guests.size > 0) await Promise.allSettled(guests);
  // Nobody may come for an idle box again; one in which something runs waits for the next server.
  const { box } = await settleBox(core, 'end-idle-box');
  await core.record('server.stopped', 'stdio', { pid: process.pid, box });
}
