/** An inbox on a real database, and a box that takes answers, is away or says that it is too late. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApprovalSettings, type Approvals, createApprovals, type QuestionStore } from '@agentbox/control-plane';
import { AgentboxError, type AnswerReply, type AnswerRequest, type AuditRecord } from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';

type Heard = AnswerRequest & {
  /** kind of the newest record when the box heard it */
  readonly after: string | undefined;
};

export interface TestInbox extends AsyncDisposable {
  readonly approvals: Approvals;
  records(): Promise<readonly AuditRecord[]>;
}

/** What outlives a restart of the server: the home, and what the box heard. */
export interface House extends Disposable {
  readonly heard: readonly Heard[];
  readonly faults: readonly string[];
  box: 'there' | 'away' | 'late';
  /** while false, the record or the store of questions takes nothing */
  disk: 'whole' | 'no-record' | 'no-questions';
  start(settings?: Partial<ApprovalSettings>): Promise<TestInbox>;
}

const full = (): Promise<never> => Promise.reject(new AgentboxError('DISK_FULL', 'unplugged'));

export function house(): House {
  const folder = mkdtempSync(join(tmpdir(), 'agentbox-inbox-'));
  const heard: Heard[] = [];
  const faults: string[] = [];
  const self: House = {
    heard,
    faults,
    box: 'there',
    disk: 'whole',
    start: async (settings = {}) => {
      const stores = await openStores({ kind: 'sqlite', path: join(folder, 'home', 'agentbox.db'), clock: Date.now });
      const deliver = async (answer: AnswerRequest): Promise<AnswerReply> => {
        if (self.box === 'away') throw new AgentboxError('BOX_UNAVAILABLE', 'away');
        const [newest] = await stores.audit.last(1);
        heard.push({ ...answer, after: newest?.kind });
        const rule = answer.decision === 'always' ? { file: '/rules', line: 3, text: 'prefix_rule()' } : null;
        return { state: self.box === 'late' ? 'gone' : 'taken', rule };
      };
      const { questions } = stores;
      const store: QuestionStore = {
        add: (question) => (self.disk === 'no-questions' ? full() : questions.add(question)),
        answer: (id, reply) => (self.disk === 'no-questions' ? full() : questions.answer(id, reply)),
        end: (id, state) => (self.disk === 'no-questions' ? full() : questions.end(id, state)),
        deliver: (id, from, to) => questions.deliver(id, from, to),
        get: (id) => questions.get(id),
        list: (filter) => questions.list(filter),
        undelivered: (limit) => questions.undelivered(limit),
      };
      const approvals = await createApprovals({
        store,
        audit: {
          append: (entry) => (self.disk === 'no-record' ? full() : stores.audit.append(entry)),
          read: (from, limit) => stores.audit.read(from, limit),
          last: (count) => stores.audit.last(count),
        },
        clock: Date.now,
        deliver,
        reportFault: (what) => void faults.push(what),
        settings,
      });
      return {
        approvals,
        records: () => stores.audit.read(1, 1000),
        [Symbol.asyncDispose]: async () => {
          await approvals[Symbol.asyncDispose]();
          await stores[Symbol.asyncDispose]();
        },
      };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
  return self;
}

/** Looks until the condition holds. */
export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await look()); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
  }
}
