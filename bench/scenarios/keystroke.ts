/** From a key sent to its echo on the screen, the way `sessions attach` works: through the box daemon's own client. */
import { connectBox } from '@agentbox/boxd-client';
import { newSessionId, OPERATOR } from '@agentbox/protocol';
import { median } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

const ROUNDS = 5;
const KEYS = 100;

export const keystroke: Scenario = {
  name: 'keystroke',
  async run({ stage }) {
    await using product = await stage();
    const box = await connectBox({ home: product.home });
    const session = newSessionId();
    await box.spawn({
      session,
      owner: OPERATOR,
      command: { kind: 'argv', argv: ['/bin/cat'] },
      cwd: product.workspace,
      env: {},
      io: { kind: 'tty', size: { cols: 80, rows: 24 } },
      onExit: 'kill',
      profile: null,
    });
    const rounds: number[] = [];
    let from = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const times: number[] = [];
      for (let key = 0; key < KEYS; key += 1) {
        const echoed = new Promise<void>((resolve) => {
          void box.watch(0, (event) => {
            if (event.kind === 'output' && event.session === session && event.written > from) resolve();
          });
        });
        const startedAt = performance.now();
        await box.write(OPERATOR, { session, at: null, bytes: Buffer.from('x'), eof: false });
        await echoed;
        times.push(performance.now() - startedAt);
        from += 1;
      }
      rounds.push(median(times));
    }
    await box.kill(OPERATOR, session, 'KILL', 2000);
    await box.close();
    return [{ name: 'key to echo, p50', unit: 'ms', rounds, target: { most: 5 } }];
  },
};
