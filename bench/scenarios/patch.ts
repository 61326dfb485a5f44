/** A patch to a file of 200,000 lines, through the tool: parse, seek, write, sync, rename. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchClient } from '../mcp-client.ts';
import type { Scenario } from '../scenario.ts';

const ROUNDS = 5;
const LINES = 200_000;

export const patch: Scenario = {
  name: 'patch',
  async run({ stage }) {
    await using product = await stage();
    using client = benchClient(product.url, product.token);
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const lines = Array.from({ length: LINES }, (_, line) => `line ${line} of ${LINES}`);
      await writeFile(join(product.workspace, 'large.txt'), `${lines.join('\n')}\n`);
      const at = LINES - 10;
      const text = [
        '*** Begin Patch',
        '*** Update File: large.txt',
        '@@',
        ` ${lines[at - 1]}`,
        `-${lines[at]}`,
        '+changed',
        '*** End Patch',
        '',
      ];
      const startedAt = performance.now();
      await client.call('agentbox_apply_patch', { patch: text.join('\n') });
      rounds.push((performance.now() - startedAt) / 1000);
    }
    return [{ name: 'one hunk in a file of 200,000 lines', unit: 's', rounds, target: { most: 0.3 } }];
  },
};
