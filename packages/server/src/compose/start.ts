/**
 * Starts a server in a home. The database and the box take as long to start as the rest of the product takes to load, so
 * that is loaded meanwhile.
 */
import { layGround } from './ground.ts';
import { openPlace, type StartOptions } from './place.ts';
import { reportFaultsTo } from './report-fault.ts';
import type { RunningServer } from './server.ts';
import { settleSandbox } from './settle-sandbox.ts';
import { watchUncaught } from './uncaught.ts';

export async function startServer(options: StartOptions): Promise<RunningServer> {
  const clock = Date.now;
  const reportFault = reportFaultsTo(process.stderr, clock);
  await using stack = new AsyncDisposableStack();
  const place = openPlace(options, stack);
  const settled = await settleSandbox({ ...options, ...place });
  const core = { ...options, ...place, ...settled, clock, reportFault };
  const uncaught = stack.use(watchUncaught(reportFault));
  // In this order: while modules are loaded, this thread begins nothing.
  const laying = layGround(core).then((laid) => stack.use(laid));
  const [{ serveOn }, ground] = await Promise.all([import('./server.ts'), laying]);
  const server = await serveOn(core, ground);
  const failed = Promise.race([server.failed, uncaught.failed]);
  // Whoever starts the server looks at it only later.
  failed.catch(() => undefined);
  const kept = stack.move();
  return {
    ...server,
    failed,
    stop: async (mode) => {
      try {
        return await server.stop(mode);
      } finally {
        await kept.disposeAsync();
      }
    },
  };
}
