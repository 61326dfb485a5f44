/** Asks every part whether it can serve, each within a time, and all at most once at a time and once per second. */

export type CheckResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface ReadinessCheck {
  readonly name: string;
  /** false for a part without which the rest goes on: it is shown, and the server stays ready */
  readonly essential: boolean;
  check(): Promise<CheckResult>;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly reason: string | null }[];
}

const CHECK_TIMEOUT_MS = 2_000;
const REMEMBER_MS = 1_000;

export class ReadinessProbe {
  readonly #checks: readonly ReadinessCheck[];
  readonly #clock: () => number;
  #last: { readonly at: number; readonly answer: Promise<Readiness> } | undefined;

  constructor(checks: readonly ReadinessCheck[], clock: () => number) {
    this.#checks = checks;
    this.#clock = clock;
  }

  ask(): Promise<Readiness> {
    const now = this.#clock();
    if (this.#last === undefined || now - this.#last.at >= REMEMBER_MS) this.#last = { at: now, answer: this.#run() };
    return this.#last.answer;
  }

  async #run(): Promise<Readiness> {
    const results = await Promise.all(this.#checks.map(async (one) => ({ one, result: await within(one) })));
    return {
      ready: results.every(({ one, result }) => result.ok || !one.essential),
      checks: results.map(({ one, result }) => ({
        name: one.name,
        ok: result.ok,
        reason: result.ok ? null : result.reason,
      })),
    };
  }
}

async function within(one: ReadinessCheck): Promise<CheckResult> {
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const timer = setTimeout(() => resolve({ ok: false, reason: 'no answer in time' }), CHECK_TIMEOUT_MS);
  try {
    return await Promise.race([one.check(), promise]);
  } catch (fault) {
    return { ok: false, reason: fault instanceof Error ? fault.message : 'failed' };
  } finally {
    clearTimeout(timer);
  }
}
