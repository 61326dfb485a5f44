/** Faults that nobody caught: what the process holds is in doubt, so it is told, and whoever runs the server ends it. */
import type { ReportFault } from '@agentbox/control-plane';
import { AgentboxError } from '@agentbox/protocol';

export interface Uncaught extends Disposable {
  /** rejects with the first */
  readonly failed: Promise<never>;
}

/** for the orderly end; a process in doubt may not come to it */
const ORDERLY_MS = 10_000;

export function watchUncaught(reportFault: ReportFault): Uncaught {
  const { promise, reject } = Promise.withResolvers<never>();
  // Whoever starts the server looks at it only later.
  promise.catch(() => undefined);
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const onFault = (fault: unknown): void => {
    reportFault('nobody caught a fault, so the server ends', {}, fault);
    setTimeout(() => process.exit(1), ORDERLY_MS).unref();
    reject(new AgentboxError('INTERNAL', 'the server ends after a fault that nobody caught', {}));
  };
  for (const event of events) process.on(event, onFault);
  return {
    failed: promise,
    [Symbol.dispose]: () => {
      for (const event of events) process.off(event, onFault);
    },
  };
}
