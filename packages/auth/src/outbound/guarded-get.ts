/**
 * One GET to an address that a configuration or a peer named: https only (http to loopback), the resolved address is
 * checked at the moment of connecting, no redirect is followed, and time and size are bounded.
 */
import { lookup } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { AgentboxError } from '@agentbox/protocol';
import { isLoopbackAddress, isPublicAddress } from './public-address.ts';

export interface GuardedGet {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly accept: string;
  /** permits addresses that are not public, such as an identity provider in the same network; never loopback by name */
  readonly privateNetwork: boolean;
  /** resolves names; the system's resolver unless a test brings its own */
  readonly resolve?: Resolve;
}

export type Resolve = (
  name: string,
  done: (fault: Error | null, addresses: readonly { readonly address: string; readonly family: number }[]) => void,
) => void;

const systemResolve: Resolve = (name, done) => lookup(name, { all: true }, done);

function refused(url: URL, why: string, options?: ErrorOptions): AgentboxError {
  return new AgentboxError('AUTH_UNAVAILABLE', `${url.origin}${url.pathname}: ${why}`, {}, options);
}

/** `localhost` and the loopback literals: a host that says itself that it is this machine. */
function namesLoopback(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host);
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Why `url` may not be asked at all, or null. What its name resolves to is judged at the connection. */
export function outboundProblem(url: URL, privateNetwork: boolean): string | null {
  const host = hostOf(url);
  if (url.username !== '' || url.password !== '') return 'must not carry a user name or password';
  if (namesLoopback(host)) return ['http:', 'https:'].includes(url.protocol) ? null : 'must be http or https';
  if (url.protocol !== 'https:') return 'must be https';
  if (isIP(host) !== 0 && !privateNetwork && !isPublicAddress(host)) return 'is not a public address';
  return null;
}

/** A lookup that hides every address the connection may not go to. */
function guardedLookup(url: URL, guard: GuardedGet): LookupFunction {
  const loopback = namesLoopback(hostOf(url));
  const mayConnect = (address: string): boolean =>
    loopback
      ? isLoopbackAddress(address)
      : guard.privateNetwork
        ? !isLoopbackAddress(address)
        : isPublicAddress(address);
  return (name, options, done) => {
    (guard.resolve ?? systemResolve)(name, (fault, found) => {
      // A resolver that fails may give no list at all, whatever its type says.
      const allowed = fault === null ? found.filter(({ address }) => mayConnect(address)) : [];
      const first = allowed[0];
      if (fault !== null) done(fault, '', 0);
      else if (first === undefined) done(refused(url, 'resolves to an address that is not public'), '', 0);
      else if (options.all === true) done(null, [...allowed]);
      else done(null, first.address, first.family);
    });
  };
}

export async function guardedGet(url: URL, guard: GuardedGet): Promise<Buffer> {
  const problem = outboundProblem(url, guard.privateNetwork);
  if (problem !== null) throw refused(url, problem);
  const signal = AbortSignal.timeout(guard.timeoutMs);
  try {
    const response = await open(url, guard, signal);
    if (response.statusCode !== 200) {
      response.destroy();
      throw refused(url, `answered ${response.statusCode ?? 'nothing'} instead of 200`);
    }
    return await collect(url, response, guard.maxBytes);
  } catch (fault) {
    if (fault instanceof AgentboxError) throw fault;
    if (signal.aborted) throw refused(url, `no answer within ${guard.timeoutMs} ms`);
    throw refused(url, fault instanceof Error ? fault.message : 'failed', { cause: fault });
  }
}

function open(url: URL, guard: GuardedGet, signal: AbortSignal): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const headers = { accept: guard.accept, 'accept-encoding': 'identity', 'user-agent': 'agentbox' };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // A connection of its own: a pooled one could have been opened for another name.
  send(url, { agent: false, headers, signal, lookup: guardedLookup(url, guard) }, resolve)
    .on('error', reject)
    .end();
  return promise;
}

async function collect(url: URL, response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const body: AsyncIterable<Buffer> = response;
  for await (const chunk of body) {
    bytes += chunk.length;
    // Leaving the loop destroys the response, and with it the connection.
    if (bytes > maxBytes) throw refused(url, `answered more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
