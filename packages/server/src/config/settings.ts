/** The settings as a flat list, read out of the schema: for the environment, error texts and the documentation. */
import { z } from 'zod';
import { configSchema } from './schema.ts';

export interface Setting {
  /** `section.key` */
  readonly key: string;
  readonly section: string;
  readonly type: 'boolean' | 'integer' | 'string' | 'array' | 'table';
  readonly standard: unknown;
  readonly description: string;
  /** the name in the environment; null for a table, which only the file can hold */
  readonly variable: string | null;
}

interface Node {
  readonly type?: string | undefined;
  readonly anyOf?: readonly Node[] | undefined;
  readonly properties?: Readonly<Record<string, Node>> | undefined;
  readonly default?: unknown;
  readonly description?: string | undefined;
}

const nodeSchema: z.ZodType<Node> = z.lazy(() =>
  z.object({
    type: z.string().optional(),
    anyOf: z.array(nodeSchema).optional(),
    properties: z.record(z.string(), nodeSchema).optional(),
    default: z.unknown().optional(),
    description: z.string().optional(),
  }),
);

/** JSON Schema 2020-12 of the file. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(configSchema, { io: 'input' });
  return { ...schema, $id: 'agentbox.schema.json', title: 'agentbox config.toml' };
}

export function sectionsOf(): readonly string[] {
  return Object.keys(configSchema.shape);
}

export function settings(): readonly Setting[] {
  const root = nodeSchema.parse(configJsonSchema());
  return Object.entries(root.properties ?? {}).flatMap(([section, node]) =>
    Object.entries(node.properties ?? {}).flatMap(([key, inner]) => settingsAt(section, `${section}.${key}`, inner)),
  );
}

function settingsAt(section: string, key: string, node: Node): readonly Setting[] {
  const typed = node.anyOf?.find((one) => one.type !== 'null') ?? node;
  const own: Setting = {
    key,
    section,
    type: settingType(typed.type),
    standard: node.default ?? null,
    description: node.description ?? '',
    variable: typed.type === 'object' ? null : `AGENTBOX_${key.replaceAll('.', '_').toUpperCase()}`,
  };
  const inner = Object.entries(typed.properties ?? {}).flatMap(([name, child]) =>
    settingsAt(section, `${key}.${name}`, child).map((setting) => ({ ...setting, variable: null })),
  );
  return [own, ...inner];
}

const TYPES: Readonly<Record<string, Setting['type']>> = {
  boolean: 'boolean',
  integer: 'integer',
  array: 'array',
  object: 'table',
};

function settingType(type: string | undefined): Setting['type'] {
  return TYPES[type ?? ''] ?? 'string';
}
