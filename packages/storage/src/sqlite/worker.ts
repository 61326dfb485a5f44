/**
 * The database worker: one request at a time, on one connection for writing and one for reading. Ends when the database
 * cannot be trusted.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assertInvariant, unreachable } from '@agentbox/base';
import { Engine } from './engine.ts';
import { faultOf } from './faults.ts';
import { lockDatabase } from './file-lock.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { checkFile, openForReading, openForWriting, preparePrivateFile } from './open-file.ts';
import { type Answer, parseRequest, type Reply, type Request, toWire, type WorkerSetup } from './wire.ts';

interface Opened extends Disposable {
  readonly writer: Engine;
  readonly reader: Engine;
}

/** Lock first, then look, then write: a file that is in use or not ours is not touched. */
function open({ path, now }: WorkerSetup): Opened {
  using stack = new DisposableStack();
  preparePrivateFile(path);
  stack.use(lockDatabase(path, process.pid));
  checkFile(path);
  const db = openForWriting(path);
  const writer = new Engine(db, path);
  stack.defer(() => writer.close());
  migrate(db, path, MIGRATIONS, now);
  const reader = new Engine(openForReading(path), path);
  stack.defer(() => reader.close());
  const kept = stack.move();
  return { writer, reader, [Symbol.dispose]: () => kept.dispose() };
}

function answer(opened: Opened, { question }: Request): Answer {
  const { writer, reader } = opened;
  switch (question.kind) {
    case 'write':
      return writer.commitAll(question.units);
    case 'read':
      return reader.read(question.units);
    case 'begin':
      return writer.begin();
    case 'execute':
      return writer.execute(question.unit);
    case 'commit':
      return writer.commit();
    case 'rollback':
      return writer.rollback();
    case 'close':
      opened[Symbol.dispose]();
      return { kind: 'done', results: [] };
    default:
      return unreachable(question);
  }
}

function main(port: NonNullable<typeof parentPort>, setup: WorkerSetup): void {
  const say = (reply: Reply): void => port.postMessage(toWire(reply));
  let opened: Opened;
  try {
    opened = open(setup);
  } catch (thrown) {
    say({ id: 0, answer: { kind: 'failed', fault: faultOf(thrown, setup.path) } });
    port.close();
    return;
  }
  say({ id: 0, answer: { kind: 'done', results: [] } });
  port.on('message', (text: string) => {
    const request = parseRequest(text);
    const given = answer(opened, request);
    say({ id: request.id, answer: given });
    const ended = request.question.kind === 'close' || (given.kind === 'failed' && given.fault.fatal);
    if (ended) port.close();
  });
}

assertInvariant(parentPort !== null, 'the database worker runs in a thread');
main(parentPort, workerData as WorkerSetup);
