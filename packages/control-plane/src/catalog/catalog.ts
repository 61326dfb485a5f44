/**
 * Every provider's tools as one table. A caller sees the tools whose scopes it holds; `find` answers for every tool,
 * so that a call without the scope is told so instead of "unknown tool". Lists are made once for each set of scopes.
 */
import { Emitter } from '@agentbox/base';
import { OPERATOR, SCOPES, type Scope } from '@agentbox/protocol';
import type { ReportFault } from '../clock.ts';
import type { Catalog, CatalogTool, Principal, ToolProvider } from '../ports.ts';
import { checkPrefix, indexTools } from './tool-names.ts';

export interface CatalogOptions {
  readonly providers: readonly ToolProvider[];
  /** before every tool name on the wire: `agentbox_`, or empty for the bare names */
  readonly prefix: string;
  /** hears of a change that would make two tools share a name: the table then stays as it was */
  readonly reportFault: ReportFault;
}

/** Lists that are kept: more sets of scopes than these are rare, and making one costs little. */
const MAX_LISTS = 64;

/** Whoever may do everything: the table is made from all that providers offer. */
const EVERYONE: Principal = { id: OPERATOR, name: 'catalog', scopes: new Set(SCOPES) };

interface Table {
  readonly tools: readonly CatalogTool[];
  readonly byName: ReadonlyMap<string, CatalogTool>;
}

export interface OwnedCatalog extends Catalog, Disposable {}

export function createCatalog(options: CatalogOptions): OwnedCatalog {
  checkPrefix(options.prefix);
  return new TableCatalog(options);
}

function buildTable(providers: readonly ToolProvider[], prefix: string): Table {
  const tools = providers
    .flatMap((provider) =>
      provider.list(EVERYONE).map((definition) => ({ wireName: `${prefix}${definition.name}`, definition, provider })),
    )
    .sort((a, b) => (a.wireName < b.wireName ? -1 : 1));
  return { tools, byName: indexTools(tools) };
}

const scopeKey = (scopes: ReadonlySet<Scope>): string => SCOPES.filter((scope) => scopes.has(scope)).join(' ');

class TableCatalog implements OwnedCatalog {
  readonly changed: Emitter<number>;
  readonly #options: CatalogOptions;
  readonly #lists = new Map<string, readonly CatalogTool[]>();
  readonly #unsubscribe: readonly (() => void)[];
  #table: Table;
  #version = 1;

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.changed = new Emitter((fault) => options.reportFault('a listener of the catalog threw', {}, fault));
    this.#table = buildTable(options.providers, options.prefix);
    this.#unsubscribe = options.providers.map((provider) => provider.changed.subscribe(() => this.#rebuild()));
  }

  get version(): number {
    return this.#version;
  }

  list(caller: Principal): readonly CatalogTool[] {
    const key = scopeKey(caller.scopes);
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list = this.#table.tools.filter((tool) => tool.definition.scopes.every((scope) => caller.scopes.has(scope)));
    if (this.#lists.size >= MAX_LISTS) this.#lists.clear();
    this.#lists.set(key, list);
    return list;
  }

  find(name: string): CatalogTool | undefined {
    return this.#table.byName.get(name);
  }

  [Symbol.dispose](): void {
    for (const end of this.#unsubscribe) end();
  }

  #rebuild(): void {
    try {
      this.#table = buildTable(this.#options.providers, this.#options.prefix);
    } catch (fault) {
      this.#options.reportFault('the tool table was not rebuilt', {}, fault);
      return;
    }
    this.#lists.clear();
    this.#version += 1;
    this.changed.emit(this.#version);
  }
}
