/** What a principal may do. A call needs every scope its tool names. */
export const SCOPES = ['exec', 'files', 'skills', 'approve', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

const KNOWN: ReadonlySet<string> = new Set(SCOPES);

export function parseScope(text: string): Scope | undefined {
  return KNOWN.has(text) ? (text as Scope) : undefined;
}
