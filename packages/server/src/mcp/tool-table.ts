/** Definitions as they go over the wire, made once per version of the catalog and set of scopes: a call only looks up. */
import type { Catalog, CatalogTool, Principal, ToolDefinition } from '@agentbox/control-plane';
import { type ParamHeader, paramHeadersOf } from './param-headers.ts';

export type WireTool = Readonly<Record<string, unknown>>;

export interface ToolTable {
  list(caller: Principal): readonly WireTool[];
  find(name: string, caller: Principal): CatalogTool | undefined;
  headersOf(tool: CatalogTool): readonly ParamHeader[];
  /** whether some tool can run as a task: decides if the extension is advertised */
  hasBackground(caller: Principal): boolean;
}

/** Sets of scopes kept at once; there are fewer scopes than this has bits. */
const MAX_LISTS = 64;

export function createToolTable(catalog: Catalog): ToolTable {
  let version = catalog.version;
  let lists = new Map<string, readonly WireTool[]>();
  let headers = new WeakMap<ToolDefinition, readonly ParamHeader[]>();

  function refresh(): void {
    if (catalog.version === version) return;
    version = catalog.version;
    lists = new Map();
    headers = new WeakMap();
  }

  return {
    list(caller) {
      refresh();
      const key = [...caller.scopes].sort().join(' ');
      const known = lists.get(key);
      if (known !== undefined) return known;
      const made = catalog.list(caller).map(wireToolOf);
      if (lists.size < MAX_LISTS) lists.set(key, made);
      return made;
    },
    find: (name, caller) => catalog.find(name, caller),
    headersOf({ definition }) {
      refresh();
      const known = headers.get(definition);
      if (known !== undefined) return known;
      const made = paramHeadersOf(definition.inputSchema);
      headers.set(definition, made);
      return made;
    },
    hasBackground: (caller) => catalog.list(caller).some(({ definition }) => definition.background !== undefined),
  };
}

/** The title stands twice: older clients know only that of the annotations. */
function wireToolOf({ wireName, definition }: CatalogTool): WireTool {
  const { title, description, inputSchema, outputSchema, annotations, meta } = definition;
  return {
    name: wireName,
    title,
    description,
    inputSchema,
    ...(outputSchema === null ? {} : { outputSchema }),
    annotations: { title, ...annotations },
    ...(meta === null ? {} : { _meta: meta }),
  };
}
