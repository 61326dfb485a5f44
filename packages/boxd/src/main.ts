/** The daemon as a program: `node main.ts --home DIR`. Ends by signal or by request, never with its server. */
import { parseArgs } from 'node:util';
import { AgentboxError } from '@agentbox/protocol';
import { DEFAULT_LIMITS, startBoxd } from './boxd.ts';
import { fileOperations } from './file-operations.ts';

const { values } = parseArgs({ options: { home: { type: 'string' }, 'max-sessions': { type: 'string' } } });

async function main(home: string): Promise<void> {
  const most = Number(values['max-sessions'] ?? DEFAULT_LIMITS.liveInBox);
  const boxd = await startBoxd({
    home,
    version: '0.1.0',
    limits: {
      ...DEFAULT_LIMITS,
      liveInBox: most,
      livePerOwner: values['max-sessions'] === undefined ? DEFAULT_LIMITS.livePerOwner : most,
    },
    files: fileOperations(),
    environment: process.env,
    loginTimeoutMs: 5000,
    tracking: 'auto',
    onStopped: (why) => {
      console.error(`boxd ${process.pid} ends: ${why}`);
      process.exit(0);
    },
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void boxd.stop(signal));
  process.on('SIGHUP', () => undefined);
  // What nobody expected ends the box in order: its sessions are told of, and nothing of them runs on unwatched.
  process.on('uncaughtException', (fault) => {
    console.error('boxd met a fault that nobody caught', fault);
    void boxd.stop('a fault that nobody caught');
  });
  console.error(`boxd ${process.pid} listens on ${boxd.socketPath}`);
}

if (values.home === undefined) {
  console.error('usage: boxd --home DIR');
  process.exit(2);
}
main(values.home).catch((fault: unknown) => {
  console.error(fault instanceof AgentboxError ? `${fault.code}: ${fault.message}` : fault);
  process.exit(1);
});
