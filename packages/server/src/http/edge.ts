/**
 * The HTTP edge: admits or refuses each request, asks who it is, reads its body within bounds and hands it to the MCP
 * door or to a route. Everything that leaves carries the security headers. It knows no tools and no sessions.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import { type Authenticator, type Caller, type Challenge, METADATA_PATH } from '@agentbox/auth';
import { assertInvariant } from '@agentbox/base';
import type { AuditLog, ReportFault } from '@agentbox/control-plane';
import { AgentboxError, type ErrorCode } from '@agentbox/protocol';
import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Admitted, admit, type Refusal, refuse } from './admission.ts';
import { challengeResponse, parseErrorResponse, refusalResponse, SECURITY_HEADERS } from './answers.ts';
import { BodyReader, discardRemainder, hasLargeRemainder } from './body.ts';
import { allowedMethods, corsHeaders, optionsResponse } from './cors.ts';
import type { Door, JsonAnswer } from './door-port.ts';
import { parseJsonBody } from './json-body.ts';
import type { Counter, Histogram, MetricsRegistry } from './metrics/registry.ts';
import { type ReadinessCheck, ReadinessProbe } from './readiness.ts';
import { RefusalLog } from './refusal-log.ts';
import { isEventStream, type OpenStream, writeJson, writeResponse, writeThenDiscard } from './response-writer.ts';
import { createRoutes, type Routes } from './routes.ts';
import { type EdgeSettings, settleEdge } from './settings.ts';

export interface EdgeDeps {
  readonly authenticator: Authenticator;
  readonly door: Door;
  readonly checks: readonly ReadinessCheck[];
  readonly metrics: MetricsRegistry;
  readonly audit: Pick<AuditLog, 'append'>;
  readonly clock: () => number;
  readonly reportFault: ReportFault;
  readonly settings: Partial<EdgeSettings>;
  /** further routes, such as the console's */
  readonly routes?: (app: Routes) => void;
}

export interface HttpEdge {
  readonly settings: EdgeSettings;
  readonly metrics: MetricsRegistry;
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  readonly inFlight: number;
  /** counts a refusal that happened before there was a request */
  countRefusal(code: ErrorCode): void;
  /** no new work; ends the streams that wait for nothing in particular */
  drain(): void;
  /** ends every open stream as if its source had */
  endStreams(): void;
}

export function createHttpEdge(deps: EdgeDeps): HttpEdge {
  return new Edge(deps);
}

/** One request on its way through. */
interface Exchange {
  readonly request: Request;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly admitted: Admitted;
}

interface Measured {
  readonly requests: ReturnType<Counter['with']>;
  readonly seconds: ReturnType<Histogram['with']>;
}

const ROUTES = new Set(['/mcp', '/healthz', '/readyz', '/metrics', METADATA_PATH, `${METADATA_PATH}/mcp`]);
const METHODS = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']);
const JSON_TYPE = /^application\/json *(;|$)/i;

class Edge implements HttpEdge {
  readonly settings: EdgeSettings;
  readonly metrics: MetricsRegistry;
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  readonly #deps: EdgeDeps;
  readonly #routes: Routes;
  readonly #bodies: BodyReader;
  readonly #refusals: RefusalLog;
  readonly #streams = new Set<OpenStream>();
  readonly #requests: Counter;
  readonly #refused: Counter;
  readonly #seconds: Histogram;
  /** by route, method and status: all three are of small closed sets */
  readonly #measured = new Map<string, Measured>();
  #inFlight = 0;
  #draining = false;

  constructor(deps: EdgeDeps) {
    const { metrics, authenticator, clock } = deps;
    this.#deps = deps;
    this.settings = settleEdge(deps.settings);
    this.metrics = metrics;
    this.#bodies = new BodyReader(this.settings);
    this.#refusals = new RefusalLog(deps.audit, clock, deps.reportFault);
    this.#routes = createRoutes({ authenticator, metrics, readiness: new ReadinessProbe(deps.checks, clock) });
    deps.routes?.(this.#routes);
    this.#requests = metrics.counter('agentbox_http_requests_total', 'Answered requests.');
    this.#refused = metrics.counter('agentbox_door_refusals_total', 'Requests refused at the door, by error code.');
    this.#seconds = metrics.histogram('agentbox_http_request_seconds', 'Time from request to the end of its answer.');
    metrics.gauge('agentbox_http_in_flight', 'Requests being answered.', () => this.#inFlight);
    metrics.gauge('agentbox_http_event_streams', 'Open event streams.', () => this.#streams.size);
    metrics.gauge('agentbox_http_body_bytes', 'Bodies being read.', () => this.#bodies.bufferedBytes);
    this.listener = this.#createListener();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  countRefusal(code: ErrorCode): void {
    this.#refused.add({ code });
  }

  drain(): void {
    this.#draining = true;
    this.#refusals.flush();
    this.#deps.door.drain?.();
    for (const stream of this.#streams) if (stream.endsAtShutdown) stream.end();
  }

  endStreams(): void {
    for (const stream of this.#streams) stream.end();
  }

  #createListener(): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
    const listener = getRequestListener(
      async (request, { incoming, outgoing }) => {
        assertInvariant(incoming instanceof IncomingMessage && outgoing instanceof ServerResponse, 'HTTP/1 only');
        await this.#exchange(request, incoming, outgoing);
        return RESPONSE_ALREADY_SENT;
      },
      {
        overrideGlobalObjects: false,
        autoCleanupIncoming: false,
        // No URL can be built from what was sent as host and target.
        errorHandler: () => {
          this.countRefusal('MALFORMED_REQUEST');
          const refusal = refuse('MALFORMED_REQUEST', 'The Host header or the request target is missing or malformed.');
          return refusalResponse(refusal, { ...SECURITY_HEADERS, connection: 'close' });
        },
      },
    );
    return (incoming, outgoing) => void listener(incoming, outgoing);
  }

  async #exchange(request: Request, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    this.#inFlight += 1;
    const headers = incoming.headersDistinct;
    const remoteAddress = incoming.socket.remoteAddress ?? 'unknown';
    const facts = { target: incoming.url ?? '', headers, headerCount: incoming.rawHeaders.length / 2, remoteAddress };
    const verdict = admit(facts, this.settings);
    try {
      if (verdict.kind === 'refused') {
        await this.#write(this.#refuseUnadmitted(verdict, incoming, remoteAddress), null, incoming, outgoing);
        return;
      }
      const response = await this.#answer({ request, incoming, outgoing, admitted: verdict });
      if (response === null) outgoing.destroy();
      else await this.#write(response, verdict.origin, incoming, outgoing);
    } catch (fault) {
      this.#deps.reportFault('an answer could not be written', { method: incoming.method ?? '' }, fault);
      outgoing.destroy();
    } finally {
      this.#inFlight -= 1;
      const route = verdict.kind === 'admitted' ? routeOf(verdict.path) : 'refused';
      this.#measure(route, incoming.method ?? '', outgoing.statusCode, (performance.now() - startedAt) / 1000);
    }
  }

  #measure(route: string, asked: string, status: number, seconds: number): void {
    const method = METHODS.has(asked) ? asked : 'other';
    const key = `${route} ${method} ${status}`;
    const known = this.#measured.get(key);
    const measured = known ?? {
      requests: this.#requests.with({ route, method, status: String(status) }),
      seconds: this.#seconds.with({ route }),
    };
    if (known === undefined) this.#measured.set(key, measured);
    measured.requests.add();
    measured.seconds.observe(seconds);
  }

  #refuseUnadmitted(refusal: Refusal, incoming: IncomingMessage, remoteAddress: string): Response {
    this.countRefusal(refusal.code);
    const { method = '', url = '' } = incoming;
    const path = url.split('?', 1)[0] ?? '';
    const route = routeOf(path);
    this.#refusals.record({ code: refusal.code, method, route, remoteAddress, principal: null });
    return refusalResponse(refusal);
  }

  async #write(
    response: Response | JsonAnswer,
    origin: string | null,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const closing = this.#draining ? { connection: 'close' } : {};
    const headers = { ...SECURITY_HEADERS, ...corsHeaders(origin), ...closing };
    if ('kind' in response) {
      if (!outgoing.destroyed) writeJson(response, outgoing, headers);
      return;
    }
    if (outgoing.destroyed) {
      await response.body?.cancel('disconnected');
      return;
    }
    if (hasLargeRemainder(incoming)) {
      await writeThenDiscard(response, outgoing, headers, () => discardRemainder(incoming));
      return;
    }
    if (isEventStream(response)) incoming.socket.setTimeout(this.settings.streamStallTimeoutMs);
    const withoutBody = incoming.method === 'HEAD';
    await writeResponse(response, outgoing, { headers, withoutBody, opened: (stream) => this.#opened(stream) });
  }

  #opened(stream: OpenStream): () => void {
    this.#streams.add(stream);
    if (this.#draining && stream.endsAtShutdown) stream.end();
    return () => void this.#streams.delete(stream);
  }

  /** null when the client is gone and there is nobody to answer. */
  async #answer(exchange: Exchange): Promise<Response | JsonAnswer | null> {
    const { request, incoming, admitted } = exchange;
    try {
      if (this.#draining) return this.#refuse(exchange, refuse('SHUTTING_DOWN', 'The server is stopping.'), null);
      if (this.#inFlight > this.settings.maxInFlight) {
        return this.#refuse(exchange, refuse('OVERLOADED', 'Too many requests are being answered.'), null);
      }
      if (incoming.method === 'OPTIONS') {
        const requested = request.headers.get('access-control-request-headers');
        return optionsResponse(routeOf(admitted.path), admitted.origin, requested);
      }
      if (routeOf(admitted.path) === '/mcp') return await this.#serveMcp(exchange);
      return await this.#routes.fetch(request, { admitted, headers: incoming.headersDistinct });
    } catch (fault) {
      return incoming.socket.destroyed ? null : this.#failure(exchange, fault);
    }
  }

  #failure(exchange: Exchange, fault: unknown): Response {
    if (fault instanceof AgentboxError) return this.#refuse(exchange, refuse(fault.code, fault.message), null);
    this.#deps.reportFault('a request failed', { route: routeOf(exchange.admitted.path) }, fault);
    return refusalResponse(refuse('INTERNAL', 'The request failed.'));
  }

  async #serveMcp(exchange: Exchange): Promise<Response | JsonAnswer | null> {
    const { incoming, admitted } = exchange;
    const { url, remoteAddress } = admitted;
    const who = await this.#deps.authenticator.authenticate({ headers: incoming.headersDistinct, url, remoteAddress });
    if (who.kind === 'challenge') return this.#challenge(exchange, who);
    if (incoming.method === 'POST') return this.#post(exchange, who.caller);
    if (incoming.method === 'GET' || incoming.method === 'DELETE') return this.#pass(exchange, who.caller);
    const refusal = refuse('METHOD_NOT_ALLOWED', 'This route takes POST, GET and DELETE.');
    return this.#refuse(exchange, refusal, who.caller, { allow: allowedMethods('/mcp') });
  }

  async #post(exchange: Exchange, caller: Caller): Promise<Response | JsonAnswer | null> {
    const { incoming, outgoing } = exchange;
    const encoding = incoming.headers['content-encoding'] ?? 'identity';
    if (!JSON_TYPE.test(incoming.headers['content-type'] ?? '') || encoding !== 'identity') {
      return this.#refuse(
        exchange,
        refuse('UNSUPPORTED_MEDIA_TYPE', 'The body is not plain application/json.'),
        caller,
      );
    }
    const body = await this.#bodies.read(incoming, outgoing);
    if (body.kind === 'gone') return null;
    if (body.kind === 'refused') return this.#refuse(exchange, body, caller);
    const parsed = parseJsonBody(body.bytes, this.settings.maxJsonDepth);
    if (parsed.kind === 'refused') {
      this.countRefusal(parsed.code);
      return parseErrorResponse(parsed);
    }
    // The request reads its body from here, should the door want the bytes too.
    Object.assign(incoming, { rawBody: body.bytes });
    return this.#pass(exchange, caller, parsed.value);
  }

  /** The refusal for want of scopes is on the record already: whoever found it out wrote it. */
  async #pass({ request, admitted }: Exchange, caller: Caller, body?: unknown): Promise<Response | JsonAnswer> {
    const answer = await this.#deps.door.fetch(request, caller, body);
    if (!('scopes' in answer)) return answer;
    this.countRefusal('INSUFFICIENT_SCOPE');
    return challengeResponse(this.#deps.authenticator.insufficientScope(admitted, answer.scopes));
  }

  #challenge(exchange: Exchange, challenge: Challenge): Response {
    this.#record(exchange, challenge.code, null);
    return challengeResponse(challenge);
  }

  #refuse(
    exchange: Exchange,
    refusal: Refusal,
    caller: Caller | null,
    headers: Readonly<Record<string, string>> = {},
  ): Response {
    this.#record(exchange, refusal.code, caller);
    return refusalResponse(refusal, headers);
  }

  #record({ incoming, admitted }: Exchange, code: ErrorCode, caller: Caller | null): void {
    this.countRefusal(code);
    const { path, remoteAddress } = admitted;
    const principal = caller?.principal.id ?? null;
    this.#refusals.record({ code, method: incoming.method ?? '', route: routeOf(path), remoteAddress, principal });
  }
}

/** A known path: invented ones do not become metrics, and what was put into one by mistake stands on no record. */
function routeOf(path: string): string {
  if (path === '/mcp/') return '/mcp';
  return ROUTES.has(path) ? path : 'other';
}
