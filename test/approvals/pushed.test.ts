/** A dialog that a client shows, while the same question is answered in the dialog or on the command line. */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { compileRedactor, Emitter } from '@agentbox/base';
import {
  type Approvals,
  type CallContext,
  createCallPipeline,
  createCatalog,
  elicitationOf,
  readElicitation,
  type ToolCall,
  type ToolOutcome,
  type ToolProvider,
} from '@agentbox/control-plane';
import { type ExecQuestion, OPERATOR, type ProviderId, parseProviderId, SCOPES } from '@agentbox/protocol';
import { serveStdioDoor } from '@agentbox/server';
import { z } from 'zod';
import { tool } from '../control/house.ts';
import { verifies } from '../requirements/verifies.ts';
import { house, type TestInbox } from './inbox.ts';
import { asked, OPERATOR_CALLER } from './samples.ts';

/** What a provider does with a question: asks, reads the answer, and looks what came of it. */
async function gated(
  approvals: Approvals,
  question: ExecQuestion,
  call: ToolCall,
  context: CallContext,
): Promise<ToolOutcome> {
  const opened = await approvals.opened(question);
  assert.notEqual(opened.kind, 'refused');
  const response = call.answers?.responses['exec'];
  if (response !== undefined && opened.kind === 'open') {
    const answer = readElicitation(response, opened.question);
    await approvals.answer(question.id, { ...answer, by: context.principal, face: 'client' });
  }
  const now = await approvals.get(question.id, context.principal.id);
  assert.ok(now !== undefined);
  if (now.state !== 'open') {
    const said = `${now.state}: ${now.answer?.decision ?? 'nothing'} through ${now.answer?.face ?? 'nobody'}`;
    return { kind: 'done', result: { content: [{ type: 'text', text: said }], structured: null } };
  }
  const requests = { exec: { ...elicitationOf(now) } };
  return { kind: 'needs-input', requests, state: question.id, answeredElsewhere: approvals.whileOpen(question.id) };
}

const message = z.object({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  result: z.looseObject({ content: z.array(z.object({ text: z.string() })).optional() }).optional(),
});

interface Wire extends AsyncDisposable {
  read(): Promise<z.output<typeof message>>;
  write(message: Readonly<Record<string, unknown>>): void;
}

async function openWire(inbox: TestInbox, question: ExecQuestion): Promise<Wire> {
  const id = parseProviderId('gate');
  assert.ok(id !== undefined);
  const provider: ToolProvider = {
    id,
    changed: new Emitter<ProviderId>(),
    list: () => [tool('gated')],
    call: (call, context) => gated(inbox.approvals, question, call, context),
  };
  const reportFault = (): void => undefined;
  const catalog = createCatalog({ providers: [provider], prefix: '', reportFault });
  const redactor = compileRedactor([]);
  const audit = { append: () => Promise.resolve({ seq: 1 }), read: () => inbox.records(), last: () => inbox.records() };
  const pipeline = createCallPipeline({ catalog, audit, redactor: () => redactor, clock: Date.now, reportFault });
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const door = serveStdioDoor(
    {
      catalog,
      pipeline,
      skills: null,
      resources: [],
      prompts: null,
      logging: false,
      info: { name: 'test', title: 'test', version: '1' },
      instructions: '',
      onFault: reportFault,
    },
    { principal: { id: OPERATOR, name: 'operator', scopes: new Set(SCOPES) }, tokenId: 'local', expiresAt: null },
    { stdin, stdout },
  );
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const wire: Wire = {
    read: async () => message.parse(JSON.parse(String((await lines.next()).value))),
    write: (sent) => void stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...sent })}\n`),
    [Symbol.asyncDispose]: async () => {
      stdin.end();
      await door.ended;
    },
  };
  const clientInfo = { name: 'x', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities: { elicitation: {} }, clientInfo };
  wire.write({ id: 1, method: 'initialize', params });
  await wire.read();
  wire.write({ method: 'notifications/initialized' });
  wire.write({ id: 2, method: 'tools/call', params: { name: 'gated', arguments: {} } });
  return wire;
}

verifies('approvals.push.taken-back', async () => {
  using home = house();
  await using inbox = await home.start();
  const question = asked({ owner: OPERATOR });
  await using wire = await openWire(inbox, question);
  const pushed = await wire.read();
  assert.equal(pushed.method, 'elicitation/create');
  const by = { by: OPERATOR_CALLER, face: 'cli', note: null } as const;
  assert.equal((await inbox.approvals.answer(question.id, { decision: 'deny', ...by })).kind, 'accepted');
  const back = await wire.read();
  assert.deepEqual([back.method, back.params?.['requestId']], ['notifications/cancelled', pushed.id]);
  assert.equal((await wire.read()).result?.content?.[0]?.text, 'answered: deny through cli');
  // An answer that crossed on the way changes nothing.
  wire.write({ id: pushed.id, result: { action: 'accept' } });
  assert.equal((await inbox.approvals.get(question.id, null))?.answer?.decision, 'deny');
});

verifies(
  'approvals.push.taken-back',
  async () => {
    using home = house();
    await using inbox = await home.start();
    const question = asked({ owner: OPERATOR });
    await using wire = await openWire(inbox, question);
    const pushed = await wire.read();
    wire.write({ id: pushed.id, result: { action: 'accept', content: { decision: 'session' } } });
    assert.equal((await wire.read()).result?.content?.[0]?.text, 'answered: session through client');
  },
  { cell: 'and counts when it comes first' },
);
