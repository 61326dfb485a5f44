/** The server that a file of door tests talks to: the product's stack with probe tools, and two principals. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSkillLibrary } from '../../../packages/providers/src/machine/skills/index.ts';
import type { DoorLimits } from '../../../packages/server/src/mcp/limits.ts';
import { createFixturePack } from '../../conformance/fixture-pack.ts';
import { type ProductServer, startProductServer } from '../../conformance/product-server.ts';
import { createProbePack, type ProbePack } from './probe-tools.ts';
import type { Endpoint } from './raw-client.ts';

export interface Ground {
  readonly server: ProductServer;
  readonly probe: ProbePack;
  /** the operator */
  readonly me: Endpoint;
  /** another principal, without the scope `skills` */
  readonly other: Endpoint;
  /** says that a resource changed */
  touch(uri: string): void;
}

const SKILLS = fileURLToPath(new URL('../../conformance/skills', import.meta.url));

/** Starts before the tests of the file and ends after them; both are asserted to leave nothing. */
export function useGround(limits: Partial<DoorLimits> = {}): () => Ground {
  let ground: Ground | undefined;
  const stack = new AsyncDisposableStack();
  before(async () => {
    const probe = createProbePack();
    const pack = createFixturePack();
    const { prompts, resources } = pack;
    const skills = stack.use(await createSkillLibrary({ roots: [{ path: SKILLS, label: 'fixture' }] }));
    const parts = { tools: [probe.provider], prompts, resources: [resources], skills, logging: true };
    const server = stack.use(
      await startProductServer({ ...parts, limits: { retryMs: 50, taskPollMs: 50, ...limits } }),
    );
    const { id } = await server.principals.create('other', ['exec', 'files']);
    const { token } = await server.principals.issue(id);
    const { url } = server;
    ground = {
      server,
      probe,
      me: { url, token: server.token },
      other: { url, token },
      touch: (uri) => pack.touch(uri),
    };
  });
  after(async () => {
    await stack.disposeAsync();
    assert.equal(ground?.probe.held, 0, 'every held call was aborted');
    const { sessions, listenStreams, tasks } = ground.server.door.counters();
    assert.deepEqual({ sessions, listenStreams, tasks }, { sessions: 0, listenStreams: 0, tasks: 0 });
  });
  return () => {
    assert.ok(ground !== undefined, 'the server runs');
    return ground;
  };
}

const DEADLINE_MS = 10_000;

/** Looks until it holds: the machine may be busy. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `did not happen in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
