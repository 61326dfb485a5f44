/** The same door on standard input and output, as a child process that a client starts. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { verifies } from '../../requirements/verifies.ts';
import { at, isJson, type Json, modernMeta, textOf } from './raw-client.ts';

const PROGRAM = fileURLToPath(new URL('../../fixtures/door/serves-probe-on-stdio.ts', import.meta.url));

interface Pipe extends AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  write(message: Json): void;
  /** the next message; every line of the output must be one */
  read(): Promise<Json>;
  /** resolves with the exit code once the input is closed */
  end(): Promise<number | null>;
}

function open(): Pipe {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  const end = async (): Promise<number | null> => {
    child.stdin.end();
    await exited;
    return child.exitCode;
  };
  return {
    child,
    end,
    write: (message) => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    async read() {
      const { value } = await lines.next();
      const parsed: unknown = JSON.parse(String(value));
      assert.ok(isJson(parsed) && parsed['jsonrpc'] === '2.0', String(value));
      return parsed;
    },
    [Symbol.asyncDispose]: async () => void (await end()),
  };
}

const CALL = { name: 'echo', arguments: { text: 'through the pipe' } };

verifies(
  'door.era.one-tool-code',
  async () => {
    await using pipe = open();
    pipe.write({ id: 1, method: 'tools/call', params: { ...CALL, _meta: modernMeta() } });
    const answer = at(await pipe.read(), 'result');
    assert.equal(textOf(answer), 'through the pipe');
    assert.equal(answer['resultType'], 'complete');
  },
  { cell: 'stdio, 2026-07-28' },
);

verifies(
  'door.era.one-tool-code',
  async () => {
    await using pipe = open();
    await initialize(pipe);
    pipe.write({ id: 2, method: 'tools/call', params: CALL });
    assert.equal(textOf(at(await pipe.read(), 'result')), 'through the pipe');
  },
  { cell: 'stdio, 2025-11-25' },
);

async function initialize(pipe: Pipe): Promise<void> {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: {} },
    clientInfo: { name: 'x', version: '1' },
  };
  pipe.write({ id: 1, method: 'initialize', params });
  assert.equal(at(await pipe.read(), 'result')['protocolVersion'], '2025-11-25');
  pipe.write({ method: 'notifications/initialized' });
}

verifies('door.stdio.pure', async () => {
  await using pipe = open();
  await initialize(pipe);
  pipe.child.stdin.write('this is no message\n\n{"jsonrpc":"2.0"\n');
  pipe.write({ id: 2, method: 'tools/call', params: { name: 'print' } });
  pipe.write({ id: 3, method: 'no/such' });
  const answers = [await pipe.read(), await pipe.read()];
  const byId = new Map(answers.map((answer) => [answer['id'], answer]));
  assert.equal(textOf(at(byId.get(2), 'result')), 'printed');
  assert.equal(at(byId.get(3), 'error')['code'], -32_601);
});

verifies(
  'door.question.pushed',
  async () => {
    await using pipe = open();
    await initialize(pipe);
    pipe.write({ id: 2, method: 'tools/call', params: { name: 'confirm' } });
    const pushed = await pipe.read();
    assert.equal(pushed['method'], 'elicitation/create');
    pipe.write({ id: pushed['id'], result: { action: 'accept', content: { ok: true } } });
    assert.equal(textOf(at(await pipe.read(), 'result')), 'went on with secret-state');
  },
  { cell: 'stdio' },
);

verifies(
  'door.changed.everywhere',
  async () => {
    await using pipe = open();
    await initialize(pipe);
    pipe.write({ id: 2, method: 'tools/call', params: { name: 'change' } });
    const both = [await pipe.read(), await pipe.read()];
    assert.ok(both.some((message) => message['method'] === 'notifications/tools/list_changed'));
  },
  { cell: 'stdio' },
);

verifies('door.stdio.ends', async () => {
  const pipe = open();
  await initialize(pipe);
  pipe.write({ id: 2, method: 'tools/call', params: { name: 'hold' } });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await pipe.end(), 0, 'the held call was aborted and nothing keeps the process');
});

const READ_ONLY = { sandboxPolicy: { type: 'read-only' } };
const STATE_META = 'codex/sandbox-state-meta';

verifies(
  'state.shapes',
  async () => {
    await using pipe = open();
    await initialize(pipe);
    const said = async (id: number, _meta: Json = {}): Promise<string> => {
      pipe.write({ id, method: 'tools/call', params: { name: 'state', _meta } });
      return textOf(at(await pipe.read(), 'result'));
    };
    pipe.write({ id: 2, method: 'codex/sandbox-state/update', params: READ_ONLY });
    assert.deepEqual(await pipe.read(), { jsonrpc: '2.0', id: 2, result: {} });
    assert.equal(await said(3), 'session read-only');
    // The call is in the pipe already when the notification is read.
    pipe.write({ method: 'codex/sandbox-state/update', params: { sandboxPolicy: { type: 'workspace-write' } } });
    assert.equal(await said(4), 'session workspace-write');
    assert.equal(await said(5, { [STATE_META]: READ_ONLY }), 'call read-only');
  },
  { cell: 'stdio, 2025-11-25' },
);

verifies(
  'state.shapes',
  async () => {
    await using pipe = open();
    const params = { name: 'state', _meta: { ...modernMeta(), [STATE_META]: READ_ONLY } };
    pipe.write({ id: 1, method: 'tools/call', params });
    assert.equal(textOf(at(await pipe.read(), 'result')), 'call read-only');
    pipe.write({ id: 2, method: 'tools/call', params: { name: 'state', _meta: modernMeta() } });
    assert.equal(textOf(at(await pipe.read(), 'result')), 'none');
  },
  { cell: 'stdio, 2026-07-28' },
);
