/** What the edge asks of the MCP side of `/mcp`, and what it may be answered. */
import type { Caller } from '@agentbox/auth';
import type { Scope } from '@agentbox/protocol';

/** Behind the check of the caller. */
export interface Door {
  /** `parsedBody` is the JSON of a POST; the request's signal aborts when the client goes away */
  fetch(request: Request, caller: Caller, parsedBody?: unknown): Promise<DoorAnswer>;
  /** the server stops: streams that wait for nothing in particular get their end */
  drain?(): void;
}

/** JSON text that is whole already: it needs no Response around it. */
export interface JsonAnswer {
  readonly kind: 'json';
  readonly status: number;
  readonly text: string;
}

/** The operation needs every one of these, and the caller lacks some: told as a challenge, not as a result. */
export interface ScopesNeeded {
  readonly kind: 'needs-scopes';
  readonly scopes: readonly Scope[];
}

export type DoorAnswer = Response | JsonAnswer | ScopesNeeded;
