/** What a browser page of an allowed origin may do and read. Pure. Others never come here: admission refuses them. */

const METHODS: Readonly<Record<string, string>> = { '/mcp': 'GET, POST, DELETE, OPTIONS' };
const READ_ONLY = 'GET, HEAD, OPTIONS';
/** MCP mirrors parameters into `Mcp-*` headers of names that the server cannot list beforehand. */
const PERMITTED_HEADER =
  /^(accept|authorization|content-type|last-event-id|mcp-[a-z0-9-]{1,60}|traceparent|tracestate)$/;
const EXPOSED = 'Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After';

export const allowedMethods = (path: string): string => METHODS[path] ?? READ_ONLY;

export function corsHeaders(origin: string | null): Readonly<Record<string, string>> {
  if (origin === null) return {};
  return { 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED, vary: 'Origin' };
}

export function optionsResponse(path: string, origin: string | null, requested: string | null): Response {
  const asked = (requested ?? '').split(',').map((name) => name.trim().toLowerCase());
  const permitted = asked.filter((name) => PERMITTED_HEADER.test(name)).slice(0, 50);
  const preflight = {
    'access-control-allow-methods': allowedMethods(path),
    'access-control-allow-headers': permitted.join(', '),
    'access-control-max-age': '600',
  };
  return new Response(null, {
    status: 204,
    headers: { allow: allowedMethods(path), ...(origin === null ? {} : preflight) },
  });
}
