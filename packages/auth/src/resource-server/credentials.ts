/** Finds the token of a request. Pure. A token in the URL lands in logs and histories, so it is refused, not ignored. */

/** Each header with all its values, as `IncomingMessage.headersDistinct` gives them. */
export type HeaderValues = Readonly<Record<string, readonly string[] | undefined>>;

export interface DoorRequest {
  readonly headers: HeaderValues;
  /** absolute, with the host that was checked against the allowed ones */
  readonly url: string;
  readonly remoteAddress: string;
}

export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'malformed'; readonly why: string };

const TOKEN_CEILING = 8192;
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;
const QUERY_NAMES = ['access_token', 'token', 'bearer', 'api_key'];

const malformed = (why: string): Credentials => ({ kind: 'malformed', why });

export function readCredentials(request: DoorRequest): Credentials {
  const query = queryOf(request.url);
  if (query !== null && QUERY_NAMES.some((name) => query.has(name))) {
    return malformed('A token in the URL is refused; send it in the Authorization header.');
  }
  const [header, ...more] = request.headers['authorization'] ?? [];
  if (more.length > 0) return malformed('More than one Authorization header.');
  if (header === undefined) return { kind: 'none' };
  if (header.length > TOKEN_CEILING) return malformed(`A token is at most ${TOKEN_CEILING} characters.`);
  const token = BEARER.exec(header)?.[1];
  return token === undefined
    ? malformed('The Authorization header is not `Bearer <token>`.')
    : { kind: 'bearer', token };
}

function queryOf(url: string): URLSearchParams | null {
  const start = url.indexOf('?');
  return start === -1 ? null : new URLSearchParams(url.slice(start + 1));
}
