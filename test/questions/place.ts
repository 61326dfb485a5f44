/**
 * The whole product on a home of its own, with rules, real clients of each kind, and the command line. At its end
 * nothing of it may be left: no process, no listener, no control group.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { basename, join } from 'node:path';
import { verifyAudit } from '@agentbox/control-plane';
import type { AuditRecord, Question } from '@agentbox/protocol';
import { connectInbox, homePaths, openOperator } from '@agentbox/server';
import { z } from 'zod';
import { isAlive, plainEnvironment, processesWith, type Ran, ROOT, type Up, until } from '../cli/product.ts';
import { SandboxedHome } from '../e2e/sandboxed.ts';

/** `tee` asks and runs outside, `nl` asks too, `id` is forbidden, `date` runs outside unasked. */
export const RULES = [
  'prefix_rule(pattern = ["tee"], decision = "prompt", justification = "writes outside")',
  'prefix_rule(pattern = ["nl"], decision = "prompt")',
  'prefix_rule(pattern = ["id"], decision = "forbidden", justification = "not who you are")',
  'prefix_rule(pattern = ["date"], decision = "allow")',
  '',
].join('\n');

const PATIENCE_MS = 15_000;
const PAGE = 500;
const CGROUPS = '/sys/fs/cgroup';

export class Place implements AsyncDisposable {
  readonly home: SandboxedHome;
  up: Up;
  readonly #env: Readonly<Record<string, string>>;
  readonly #urls = new Set<string>();
  readonly #boxes = new Set<number>();

  private constructor(home: SandboxedHome, up: Up, env: Readonly<Record<string, string>>) {
    this.home = home;
    this.up = up;
    this.#env = env;
    this.#born(up);
  }

  static async open(env: Readonly<Record<string, string>> = {}, rules: string = RULES): Promise<Place> {
    const home = new SandboxedHome();
    home.write('home/rules/test.rules', rules);
    return new Place(home, await home.up(env), env);
  }

  #born({ ready }: Up): void {
    this.#urls.add(ready.url);
    this.#boxes.add(ready.boxd_pid);
  }

  get environment(): Readonly<Record<string, string | undefined>> {
    return plainEnvironment({ ...this.home.environment(this.#env) });
  }

  /** Outside of every sandbox: only what was let out writes there. */
  get countFile(): string {
    return this.home.at('count');
  }

  /** What the programs that were let out have written, line by line. */
  counted(): readonly string[] {
    if (!existsSync(this.countFile)) return [];
    return readFileSync(this.countFile, 'utf8').trimEnd().split('\n');
  }

  /** A command that asks once and writes `word` outside when it may. */
  writes(word: string): string {
    return `echo ${word} | tee -a ${this.countFile}; echo "code \${PIPESTATUS[1]}"`;
  }

  cli(...args: readonly string[]): Promise<Ran> {
    return this.home.run(args, this.#env);
  }

  /** Kills the server alone and starts another one. */
  async killServer(): Promise<void> {
    await this.up.end('SIGKILL');
    this.up = await this.home.up(this.#env);
    this.#born(this.up);
  }

  async open(): Promise<readonly Question[]> {
    await using inbox = await connectInbox(homePaths(this.home.at('home')).control);
    const { questions } = await inbox.list(false);
    return questions;
  }

  /** Waits for `count` open questions, as the operator sees them. */
  opened(count: number): Promise<readonly Question[]> {
    return until(`${count} questions are open`, async () => {
      const open = await this.open();
      return open.length === count ? open : undefined;
    });
  }

  async first(): Promise<Question> {
    const [question] = await this.opened(1);
    assert.ok(question !== undefined);
    return question;
  }

  /** The whole record, in order; it verifies. */
  async record(): Promise<readonly AuditRecord[]> {
    await using operator = await openOperator(homePaths(this.home.at('home')), join(ROOT, 'dist'));
    const records: AuditRecord[] = [];
    for (;;) {
      const page = await operator.readAudit(records.length + 1, PAGE);
      records.push(...page);
      if (page.length < PAGE) break;
    }
    assert.equal(verifyAudit(records).kind, 'intact');
    return records;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#boxes) if (isAlive(pid)) process.kill(pid, 'SIGCONT');
    const prefixes = this.#prefixes();
    await this.cli('down');
    try {
      await until('nothing of it runs', () => processesWith(this.home.root).length === 0);
      for (const url of this.#urls) await assert.rejects(connected(url), /ECONNREFUSED/);
      for (const prefix of prefixes) assert.deepEqual(groupsOf(prefix), []);
    } finally {
      await this.home[Symbol.asyncDispose]();
    }
  }

  /** Names of this box's control groups begin so. */
  #prefixes(): readonly string[] {
    const file = this.home.at('home', 'run', 'boxd.json');
    if (!existsSync(file)) return [];
    const { tagPrefix } = z.object({ tagPrefix: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8')));
    return [tagPrefix];
  }
}

function connected(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port), timeout: PATIENCE_MS });
    socket.on('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}

function groupsOf(prefix: string): readonly string[] {
  return readdirSync(CGROUPS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const found = readdirSync(join(CGROUPS, entry.name));
      return [entry.name, ...found].map((name) => basename(name)).filter((name) => name.includes(prefix));
    });
}
