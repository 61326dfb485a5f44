/**
 * Writes refusals at the door to the record, at a pace that no flood can raise: of those without a principal one a minute
 * for each code, of the others what a bucket holds. What is left out is counted by code, and the next record of the code,
 * at the latest a minute on, says how much it was. The metrics count every one.
 */
import type { AuditLog, ReportFault } from '@agentbox/control-plane';
import type { ErrorCode, PrincipalId } from '@agentbox/protocol';

export interface DoorRefusal {
  readonly code: ErrorCode;
  readonly method: string;
  /** a known one or `other`: a path as it was sent may hold a token */
  readonly route: string;
  readonly remoteAddress: string;
  readonly principal: PrincipalId | null;
}

/** between two records of one code without a principal */
const ANONYMOUS_MS = 60_000;
/** records at once, and how often one more may follow */
const BURST = 50;
const REFILL_MS = 200;
/** records given to the log that it has not confirmed */
const UNCONFIRMED_CEILING = 32;

/** What was left out of the record since the last one of its code. */
interface Omitted {
  count: number;
  last: DoorRefusal;
  readonly timer: NodeJS.Timeout;
}

export class RefusalLog {
  readonly #audit: Pick<AuditLog, 'append'>;
  readonly #clock: () => number;
  readonly #reportFault: ReportFault;
  /** both by code, of which there is a closed set */
  readonly #omitted = new Map<ErrorCode, Omitted>();
  readonly #recordedAt = new Map<ErrorCode, number>();
  #tokens = BURST;
  #refilledAt: number;
  #unconfirmed = 0;

  constructor(audit: Pick<AuditLog, 'append'>, clock: () => number, reportFault: ReportFault) {
    this.#audit = audit;
    this.#clock = clock;
    this.#reportFault = reportFault;
    this.#refilledAt = clock();
  }

  record(refusal: DoorRefusal): void {
    const now = this.#clock();
    const isDue = refusal.principal === null ? this.#isDue(refusal.code, now) : this.#takeToken(now);
    if (isDue && this.#unconfirmed < UNCONFIRMED_CEILING) this.#write(now, refusal, this.#takeOmitted(refusal.code));
    else this.#omit(refusal, 1);
  }

  /** Writes what is counted only: the server stops. */
  flush(): void {
    for (const code of this.#omitted.keys()) this.#writeOmitted(code);
  }

  /** A clock that was set back ends the minute too. */
  #isDue(code: ErrorCode, now: number): boolean {
    const at = this.#recordedAt.get(code);
    return at === undefined || now < at || now - at >= ANONYMOUS_MS;
  }

  #takeToken(now: number): boolean {
    this.#tokens = Math.min(BURST, this.#tokens + Math.max(0, now - this.#refilledAt) / REFILL_MS);
    this.#refilledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #omit(refusal: DoorRefusal, count: number): void {
    const { code } = refusal;
    const omitted = this.#omitted.get(code);
    if (omitted !== undefined) {
      omitted.count += count;
      omitted.last = refusal;
      return;
    }
    const timer = setTimeout(() => this.#writeOmitted(code), ANONYMOUS_MS).unref();
    this.#omitted.set(code, { count, last: refusal, timer });
  }

  #takeOmitted(code: ErrorCode): number {
    const omitted = this.#omitted.get(code);
    clearTimeout(omitted?.timer);
    this.#omitted.delete(code);
    return omitted?.count ?? 0;
  }

  #writeOmitted(code: ErrorCode): void {
    const last = this.#omitted.get(code)?.last;
    if (last !== undefined) this.#write(this.#clock(), last, this.#takeOmitted(code) - 1);
  }

  #write(at: number, refusal: DoorRefusal, omitted: number): void {
    const { code, method, route, remoteAddress, principal } = refusal;
    if (principal === null) this.#recordedAt.set(code, at);
    this.#unconfirmed += 1;
    const detail = { code, method, from: remoteAddress, ...(omitted === 0 ? {} : { omitted_before: omitted }) };
    this.#audit
      .append({ at, kind: 'door.refused', principal, trace: null, subject: route, outcome: 'refused', detail })
      .catch((fault: unknown) => {
        this.#omit(refusal, omitted + 1);
        this.#reportFault('a refusal at the door could not be recorded', { code }, fault);
      })
      .finally(() => {
        this.#unconfirmed -= 1;
      });
  }
}
