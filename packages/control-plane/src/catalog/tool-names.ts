/** Which tool names may go over the wire, and under which of them a tool is found. Pure. */
import { AgentboxError } from '@agentbox/protocol';
import type { CatalogTool, ToolProvider } from '../ports.ts';

/** What every client accepts. */
const WIRE_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const PREFIX = /^[A-Za-z0-9_-]{0,24}$/;

export function checkPrefix(prefix: string): void {
  if (PREFIX.test(prefix)) return;
  throw new AgentboxError('CONFIG_INVALID', `tool prefix ${JSON.stringify(prefix)} is not ${String(PREFIX)}`, {
    prefix,
  });
}

function checkWireName(name: string, provider: ToolProvider): void {
  if (WIRE_NAME.test(name)) return;
  throw new AgentboxError(
    'CONFIG_INVALID',
    `${provider.id} offers the tool name ${JSON.stringify(name)}, which is not ${String(WIRE_NAME)}`,
    { tool: name, provider: provider.id },
  );
}

/** A client that learnt a name under one setting of the prefix keeps working under the other. */
const STANDARD_PREFIX = 'agentbox_';

const namesOf = ({ wireName, definition }: CatalogTool): ReadonlySet<string> =>
  new Set([wireName, definition.name, `${STANDARD_PREFIX}${definition.name}`]);

/**
 * Tools by the wire name, the bare one and the one with the standard prefix. A name that two tools claim is refused, because a call could reach
 * either of them.
 */
export function indexTools(tools: readonly CatalogTool[]): ReadonlyMap<string, CatalogTool> {
  const byName = new Map<string, CatalogTool>();
  for (const tool of tools) {
    checkWireName(tool.wireName, tool.provider);
    for (const name of namesOf(tool)) {
      const other = byName.get(name);
      if (other !== undefined) {
        throw new AgentboxError(
          'CONFIG_INVALID',
          `the tool name ${name} is claimed by ${other.provider.id} (${other.wireName}) and ${tool.provider.id} (${tool.wireName})`,
          { tool: name, providers: [other.provider.id, tool.provider.id] },
        );
      }
      byName.set(name, tool);
    }
  }
  return byName;
}
