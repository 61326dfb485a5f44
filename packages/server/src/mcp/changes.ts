/** One bus for everything that changes: lists and watched resources, to sessions and to listening streams alike. */
import { unreachable } from '@agentbox/base';
import type { ResourceProvider } from '@agentbox/control-plane';
import type { InMemoryServerEventBus, Server, ServerEvent } from '@modelcontextprotocol/server';
import type { McpDoorDeps } from './deps.ts';

/** Changes of one kind within this time are one notification. */
const GATHER_MS = 10;

type ListKind = 'tools_list_changed' | 'prompts_list_changed' | 'resources_list_changed';

export function connectChanges(
  deps: McpDoorDeps,
  resources: readonly ResourceProvider[],
  bus: InMemoryServerEventBus,
): Disposable {
  const waiting = new Map<string, NodeJS.Timeout>();
  const later = (event: ServerEvent, key: string): void => {
    if (waiting.has(key)) return;
    const timer = setTimeout(() => {
      waiting.delete(key);
      bus.publish(event);
    }, GATHER_MS);
    waiting.set(key, timer.unref());
  };
  const list = (kind: ListKind) => () => later({ kind }, kind);
  const unsubscribes = [
    deps.catalog.changed.subscribe(list('tools_list_changed')),
    ...(deps.prompts === null ? [] : [deps.prompts.changed.subscribe(list('prompts_list_changed'))]),
    ...resources.map(({ scheme, changed }) =>
      changed.subscribe((uri) => {
        if (uri === `${scheme}:`) later({ kind: 'resources_list_changed' }, 'resources_list_changed');
        else later({ kind: 'resource_updated', uri }, uri);
      }),
    ),
  ];
  return {
    [Symbol.dispose]() {
      for (const unsubscribe of unsubscribes) unsubscribe();
      for (const timer of waiting.values()) clearTimeout(timer);
    },
  };
}

/** To one connection of its own: a session, or a client on standard input. */
export function forwardEvent(
  event: ServerEvent,
  server: Server,
  watches: ReadonlySet<string> | null,
  onFault: (fault: unknown) => void,
): void {
  send(event, server, watches).catch(onFault);
}

async function send(event: ServerEvent, server: Server, watches: ReadonlySet<string> | null): Promise<void> {
  const { resources, prompts } = server.getCapabilities();
  switch (event.kind) {
    case 'tools_list_changed':
      return server.sendToolListChanged();
    case 'prompts_list_changed':
      if (prompts !== undefined) await server.sendPromptListChanged();
      return;
    case 'resources_list_changed':
      if (resources !== undefined) await server.sendResourceListChanged();
      return;
    case 'resource_updated':
      if (watches === null || watches.has(event.uri)) await server.sendResourceUpdated({ uri: event.uri });
      return;
    default:
      unreachable(event);
  }
}
