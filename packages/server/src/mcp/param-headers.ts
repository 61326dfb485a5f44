/** `x-mcp-header`: arguments that a modern client repeats as `Mcp-Param-*` headers must be the same there. Pure. */
import { isRecord, type JsonObject } from './json.ts';

export interface ParamHeader {
  /** property names from the root of the arguments */
  readonly path: readonly string[];
  readonly header: string;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PRIMITIVES: ReadonlySet<unknown> = new Set(['string', 'integer', 'number', 'boolean']);
const ENCODED = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/;
const LOOKS_ENCODED = /^=\?base64\?.*\?=$/;
const DECIMAL = /^-?\d+(\.\d+)?$/;

/** The declarations that a chain of `properties` reaches; others mean nothing. */
export function paramHeadersOf(schema: JsonObject, path: readonly string[] = []): readonly ParamHeader[] {
  const properties = schema['properties'];
  if (!isRecord(properties)) return [];
  return Object.entries(properties).flatMap(([key, child]) => {
    if (!isRecord(child)) return [];
    const here = [...path, key];
    const header = child['x-mcp-header'];
    const own =
      typeof header === 'string' && TOKEN.test(header) && PRIMITIVES.has(child['type'])
        ? [{ path: here, header: `Mcp-Param-${header}` }]
        : [];
    return [...own, ...paramHeadersOf(child, here)];
  });
}

/** Says what disagrees, or nothing. An argument that is absent, null or no primitive needs no header. */
export function paramHeaderMismatch(
  declared: readonly ParamHeader[],
  args: unknown,
  headers: Headers,
): string | undefined {
  for (const { path, header } of declared) {
    const value = path.reduce<unknown>((node, key) => (isRecord(node) ? node[key] : undefined), args);
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    const sent = headers.get(header);
    if (sent === null) return `the body carries ${path.join('.')} but the ${header} header is absent`;
    const decoded = decodeHeader(sent);
    if (decoded === undefined) return `the ${header} header is not well encoded`;
    if (!isSame(decoded, value)) return `the ${header} header and the body carry different values`;
  }
  return undefined;
}

function isSame(decoded: string, value: string | number | boolean): boolean {
  if (typeof value === 'number' && DECIMAL.test(decoded)) return Number(decoded) === value;
  return decoded === String(value);
}

function decodeHeader(text: string): string | undefined {
  if (!LOOKS_ENCODED.test(text)) return text;
  const encoded = ENCODED.exec(text)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}
