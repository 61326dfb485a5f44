/** The routes beside `/mcp`: liveness, readiness, metrics and the metadata that tells clients where tokens come from. */
import { type Authenticator, METADATA_PATH } from '@agentbox/auth';
import { Hono } from 'hono';
import { type Admitted, refuse } from './admission.ts';
import { challengeResponse, refusalResponse } from './answers.ts';
import type { MetricsRegistry } from './metrics/registry.ts';
import type { ReadinessProbe } from './readiness.ts';

/** What every route is given beside the request. */
interface RouteBindings {
  readonly admitted: Admitted;
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
}

export interface RouteDeps {
  readonly authenticator: Authenticator;
  readonly readiness: ReadinessProbe;
  readonly metrics: MetricsRegistry;
}

export type Routes = Hono<{ Bindings: RouteBindings }>;

const READ_METHODS = ['GET', 'HEAD'];

export function createRoutes(deps: RouteDeps): Routes {
  const app: Routes = new Hono();
  app.on(READ_METHODS, '/healthz', () => Response.json({ status: 'ok' }));
  app.on(READ_METHODS, '/readyz', async ({ env }) => {
    const { ready, checks } = await deps.readiness.ask();
    // A reason can name paths and hosts of this machine: it is for those who are on it.
    const shown = env.admitted.direct ? checks : checks.map(({ name, ok }) => ({ name, ok }));
    return Response.json({ ready, checks: shown }, { status: ready ? 200 : 503 });
  });
  app.on(READ_METHODS, '/metrics', ({ env }) => serveMetrics(deps, env));
  for (const path of [METADATA_PATH, `${METADATA_PATH}/mcp`]) {
    app.on(READ_METHODS, path, ({ env }) => Response.json(deps.authenticator.metadata(env.admitted.url)));
  }
  for (const path of ['/healthz', '/readyz', '/metrics', METADATA_PATH, `${METADATA_PATH}/mcp`]) {
    app.all(path, () =>
      refusalResponse(refuse('METHOD_NOT_ALLOWED', 'This route is only read.'), { allow: 'GET, HEAD' }),
    );
  }
  app.notFound(() => refusalResponse(refuse('ROUTE_NOT_FOUND', 'There is no such route.')));
  return app;
}

async function serveMetrics(deps: RouteDeps, env: RouteBindings): Promise<Response> {
  const { direct, url, remoteAddress } = env.admitted;
  const text = (): Response =>
    new Response(deps.metrics.render(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
  if (direct) return text();
  const who = await deps.authenticator.authenticate({ headers: env.headers, url, remoteAddress });
  if (who.kind === 'challenge') return challengeResponse(who);
  if (who.caller.principal.scopes.has('admin')) return text();
  return challengeResponse(deps.authenticator.insufficientScope({ url }, ['admin']));
}
