/**
 * Reads the head of a request to a proxy. Pure. Whatever two readers could take for different requests (both framings,
 * two lengths, folded lines, bare line ends, white space before a colon) is refused, never repaired.
 */

export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

export type Header = readonly [name: string, value: string];

export type Target =
  | { readonly form: 'connect'; readonly host: string; readonly port: number }
  | { readonly form: 'absolute'; readonly host: string; readonly port: number; readonly path: string };

export interface RequestHead {
  readonly method: string;
  readonly target: Target;
  readonly minor: 0 | 1;
  readonly headers: readonly Header[];
  readonly framing: Framing;
  readonly keepAlive: boolean;
}

export type ParsedHead =
  | { readonly kind: 'more' }
  | { readonly kind: 'head'; readonly head: RequestHead; readonly size: number }
  | { readonly kind: 'refused'; readonly status: 400 | 431 | 501; readonly reason: string };

const END = '\r\n\r\n';
const MAX_HEADERS = 200;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[ \t]*$/;
const AUTHORITY = /^(\[[^\]@[]*\]|[^:@\][]+)(?::([0-9]{1,5}))?$/;

/** A line that ends the reading of this head. */
class HeadFault {
  readonly status: 400 | 431 | 501;
  readonly reason: string;
  constructor(reason: string, status: 400 | 431 | 501 = 400) {
    this.status = status;
    this.reason = reason;
  }
}

const refused = ({ status, reason }: HeadFault): ParsedHead => ({ kind: 'refused', status, reason });

export function parseHead(bytes: Buffer, maxBytes: number): ParsedHead {
  const end = bytes.subarray(0, maxBytes + END.length).indexOf(END);
  if (end < 0) return bytes.length > maxBytes ? refused(new HeadFault('the head is too long', 431)) : { kind: 'more' };
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = readHeaders(lines);
  if (headers instanceof HeadFault) return refused(headers);
  const head = readRequest(first, headers);
  return head instanceof HeadFault ? refused(head) : { kind: 'head', head, size: end + END.length };
}

function readHeaders(lines: readonly string[]): readonly Header[] | HeadFault {
  if (lines.length > MAX_HEADERS) return new HeadFault('there are too many headers', 431);
  const headers: Header[] = [];
  for (const line of lines) {
    if (/^[ \t]/.test(line)) return new HeadFault('a header line is folded');
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return new HeadFault('a header line is malformed');
    headers.push([name, value]);
  }
  return headers;
}

const valuesOf = (headers: readonly Header[], name: string): readonly string[] =>
  headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);

function readRequest(line: string, headers: readonly Header[]): RequestHead | HeadFault {
  const [, method, raw, digit] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || raw === undefined) return new HeadFault('the request line is malformed');
  const minor = digit === '0' ? 0 : 1;
  const hosts = valuesOf(headers, 'host').length;
  if (hosts > 1 || (hosts === 0 && minor === 1)) return new HeadFault('a request has exactly one Host');
  const target = readTarget(method, raw);
  if (target instanceof HeadFault) return target;
  const framing = readFraming(headers, minor);
  if (framing instanceof HeadFault) return framing;
  if (target.form === 'connect' && framing.kind !== 'none') return new HeadFault('CONNECT has no body');
  return { method, target, minor, headers, framing, keepAlive: staysOpen(headers, minor) };
}

function readTarget(method: string, raw: string): Target | HeadFault {
  if (method === 'CONNECT') {
    const authority = readAuthority(raw, null);
    return authority instanceof HeadFault ? authority : { form: 'connect', ...authority };
  }
  if (method === 'TRACE') return new HeadFault('TRACE is not forwarded', 501);
  const [, scheme, name = '', path = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([/?][^#]*)?$/.exec(raw) ?? [];
  if (scheme === undefined) return new HeadFault('a proxy is asked for absolute URLs without fragment');
  if (scheme.toLowerCase() !== 'http') return new HeadFault(`${scheme.slice(0, 16)} goes through CONNECT`);
  const authority = readAuthority(name, 80);
  if (authority instanceof HeadFault) return authority;
  const empty = method === 'OPTIONS' ? '*' : '/';
  return { form: 'absolute', ...authority, path: path === '' ? empty : path.replace(/^\?/, '/?') };
}

type Authority = { readonly host: string; readonly port: number };

function readAuthority(text: string, otherwise: number | null): Authority | HeadFault {
  const [, host, digits] = AUTHORITY.exec(text) ?? [];
  const port = digits === undefined ? otherwise : Number(digits);
  if (host === undefined || port === null) return new HeadFault('the authority is not of the form host:port');
  return port < 1 || port > 65_535 ? new HeadFault('the port is out of range') : { host, port };
}

/** RFC 9112 section 6.3, without its leniency. */
function readFraming(headers: readonly Header[], minor: 0 | 1): Framing | HeadFault {
  const lengths = valuesOf(headers, 'content-length');
  const encodings = valuesOf(headers, 'transfer-encoding');
  if (encodings.length > 0) {
    if (lengths.length > 0) return new HeadFault('a request has both Content-Length and Transfer-Encoding');
    if (minor === 0) return new HeadFault('HTTP/1.0 has no Transfer-Encoding');
    if (encodings.length > 1 || encodings[0]?.toLowerCase() !== 'chunked')
      return new HeadFault('a Transfer-Encoding other than chunked', 501);
    return { kind: 'chunked' };
  }
  const [length] = lengths;
  if (length === undefined) return { kind: 'none' };
  if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(length)) return new HeadFault('the Content-Length is not one number');
  return { kind: 'length', bytes: Number(length) };
}

export function connectionTokens(headers: readonly Header[]): ReadonlySet<string> {
  const values = [...valuesOf(headers, 'connection'), ...valuesOf(headers, 'proxy-connection')];
  return new Set(values.flatMap((value) => value.toLowerCase().split(',')).map((token) => token.trim()));
}

function staysOpen(headers: readonly Header[], minor: 0 | 1): boolean {
  const tokens = connectionTokens(headers);
  return minor === 1 ? !tokens.has('close') : tokens.has('keep-alive');
}
