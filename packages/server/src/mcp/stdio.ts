/** The same door on standard input and output, for one client of one principal. Ends when the input ends. */
import type { Readable, Writable } from 'node:stream';
import type { Server } from '@modelcontextprotocol/server';
import { type StdioServerHandle, StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { buildDoor } from './build.ts';
import { forwardEvent } from './changes.ts';
import type { DoorCaller, McpDoorDeps } from './deps.ts';
import { newSandboxStateCell } from './sandbox-state.ts';
import { setHooks } from './sdk-hooks.ts';

export interface StdioStreams {
  readonly stdin: Readable;
  /** carries the protocol and nothing else */
  readonly stdout: Writable;
}

export interface StdioDoor {
  /** settles when the client is gone and its calls are aborted */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

export function serveStdioDoor(deps: McpDoorDeps, caller: DoorCaller, streams: StdioStreams): StdioDoor {
  const door = buildDoor(deps);
  const onFault = door.onFault;
  const servers = new Map<Server, ReadonlySet<string> | null>();
  const unsubscribe = door.bus.subscribe((event) => {
    for (const [server, watches] of servers) forwardEvent(event, server, watches, onFault);
  });
  const handle: StdioServerHandle = serveStdio(
    ({ era }) => {
      const watches = era === 'legacy' ? new Set<string>() : null;
      const sandbox = era === 'legacy' ? newSandboxStateCell() : null;
      const server = door.makeServer({ era, watches, sandbox, opener: caller, callerOf: () => caller }, null);
      setHooks(server, { onclose: () => void servers.delete(server) });
      servers.set(server, watches);
      return server;
    },
    {
      transport: new StdioServerTransport(streams.stdin, streams.stdout),
      maxSubscriptions: door.limits.listenStreamsPerPrincipal,
      onerror: door.onProtocolError,
    },
  );
  const ended = Promise.withResolvers<void>();
  let isClosing = false;
  // Whatever ends first, the input, the output or the caller, ends all of it once.
  const close = async (): Promise<void> => {
    if (isClosing) return ended.promise;
    isClosing = true;
    unsubscribe();
    await handle.close();
    door[Symbol.dispose]();
    ended.resolve();
    return ended.promise;
  };
  const end = (): void => void close().catch(onFault);
  streams.stdin.once('end', end).once('close', end).once('error', end);
  streams.stdout.once('error', end);
  return { ended: ended.promise, close };
}
