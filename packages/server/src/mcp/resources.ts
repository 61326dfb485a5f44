/** resources/*: every provider's resources behind its scheme, as one list in the order of the URIs. */
import type { ResourceDefinition, ResourceProvider, ResourceTemplate } from '@agentbox/control-plane';
import { ResourceNotFoundError, type Result } from '@modelcontextprotocol/server';
import type { DoorLimits } from './limits.ts';
import { assertNoCursor, invalidParams, listParams, parseParams, uriParams } from './params.ts';
import type { Turn } from './turn.ts';

export interface DoorResources {
  list(params: unknown, turn: Turn): Promise<Result>;
  templates(params: unknown, turn: Turn): Result;
  read(params: unknown, turn: Turn): Promise<Result>;
  watch(params: unknown, turn: Turn): Promise<Result>;
  unwatch(params: unknown, turn: Turn): Result;
}

export function createDoorResources(providers: readonly ResourceProvider[], limits: DoorLimits): DoorResources {
  const byScheme = new Map(providers.map((provider) => [provider.scheme, provider]));
  const cache = (turn: Turn, ttlMs: number) => (turn.era === 'modern' ? { ttlMs, cacheScope: 'private' } : {});

  async function contentsOf(uri: string, turn: Turn) {
    const provider = byScheme.get(schemeOf(uri));
    const contents = provider === undefined ? null : await provider.read(uri, turn.caller.principal);
    if (contents === null) throw new ResourceNotFoundError(uri);
    return contents;
  }

  return {
    async list(params, turn) {
      assertNoCursor(parseParams(listParams, params).cursor);
      const lists = await Promise.all(providers.map((provider) => provider.list(turn.caller.principal)));
      const resources = lists
        .flat()
        .sort((a, b) => (a.uri < b.uri ? -1 : 1))
        .map(withoutNulls);
      return { resources, ...cache(turn, limits.listTtlMs) };
    },
    templates(params, turn) {
      assertNoCursor(parseParams(listParams, params).cursor);
      const resourceTemplates = providers
        .flatMap((provider) => provider.templates?.(turn.caller.principal) ?? [])
        .map(withoutNulls);
      return { resourceTemplates, ...cache(turn, limits.listTtlMs) };
    },
    async read(params, turn) {
      const { uri } = parseParams(uriParams, params);
      // Content may change at any moment and providers tell only watchers, so nobody may keep it.
      return { contents: await contentsOf(uri, turn), ...cache(turn, 0) };
    },
    async watch(params, turn) {
      const { uri } = parseParams(uriParams, params);
      const { watches } = turn;
      if (watches === null) throw invalidParams('There is no session to watch from.');
      if (!watches.has(uri) && watches.size >= limits.watchesPerSession) {
        throw invalidParams(`A session watches at most ${String(limits.watchesPerSession)} resources.`);
      }
      await contentsOf(uri, turn);
      watches.add(uri);
      return {};
    },
    unwatch(params, turn) {
      turn.watches?.delete(parseParams(uriParams, params).uri);
      return {};
    },
  };
}

/** Empty for what is no URI: no provider has that scheme. */
function schemeOf(uri: string): string {
  const colon = uri.indexOf(':');
  return colon < 0 ? '' : uri.slice(0, colon).toLowerCase();
}

/** On the wire what is unknown is absent. */
function withoutNulls(definition: ResourceDefinition | ResourceTemplate): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== null));
}
