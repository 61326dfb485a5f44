/** The operator's access to a home: through the running server, or on the stores themselves when none runs. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createPrincipals } from '@agentbox/control-plane';
import { AgentboxError } from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';
import { connectOperator } from '../lifecycle/control-client.ts';
import { type HomePaths, prepareHome } from '../lifecycle/home.ts';
import { takeLock } from '../lifecycle/lock.ts';
import { createOperator, type Operator } from '../lifecycle/operator.ts';
import { reportFaultsTo } from './report-fault.ts';

export async function openOperator(paths: HomePaths, dist: string): Promise<Operator & AsyncDisposable> {
  // A misspelt home must not become one.
  if (!existsSync(paths.home)) {
    throw new AgentboxError('NOT_RUNNING', `there is no home at ${paths.home}: the first start makes it`);
  }
  prepareHome(paths.home);
  await using stack = new AsyncDisposableStack();
  const lock = takeLock(paths.lock);
  if (lock === undefined) return connectOperator(paths.control);
  stack.use(lock);
  const clock = Date.now;
  const workerEntry = pathToFileURL(join(dist, 'storage-worker.mjs'));
  const stores = stack.use(await openStores({ kind: 'sqlite', path: paths.database, workerEntry, clock }));
  const reportFault = reportFaultsTo(process.stderr, clock);
  const principals = await createPrincipals({ store: stores.principals, clock, random: randomBytes, reportFault });
  const operator = createOperator({ audit: stores.audit, principals, tokenFile: paths.token, clock });
  const kept = stack.move();
  return { ...operator, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
