/**
 * The one way out. In this order: the spelling of the host, the port, the verdict, the name's addresses, the record,
 * the connection to an address that was checked. A name that no rule allows is never looked up, so that no lookup
 * carries data out, and an address is never looked up again, so that a name cannot change between check and connect.
 */
import type { Socket } from 'node:net';
import type { RuleHit } from '@agentbox/protocol';
import type { AddressGuard } from './address-guard.ts';
import type { EgressEntry, EgressOptions, EgressProtocol, EgressRequest, EgressVerdict } from './contract.ts';
import { connectTo } from './dial.ts';
import { type Host, parseHost } from './host.ts';
import type { EgressLimits } from './limits.ts';
import { denied, failed, type Refusal } from './refusal.ts';
import { within } from './within.ts';

/** As the client said it. */
export interface Asked {
  readonly protocol: EgressProtocol;
  readonly host: string;
  readonly port: number;
}

export type Opened =
  | { readonly kind: 'open'; readonly socket: Socket; readonly host: Exclude<Host, { readonly kind: 'refused' }> }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Aborted when nobody waits: for a verdict, which may take long, and for a connection. */
interface Waiting {
  readonly asker: AbortSignal;
  readonly gone: AbortSignal;
}

interface GateDeps {
  readonly options: EgressOptions;
  readonly limits: EgressLimits;
  readonly guard: AddressGuard;
  readonly dial: (address: string, port: number) => Socket;
}

/** Longest piece of a spelling that was refused, as it stands in the record. */
const SHOWN_HOST = 253;

export class Gate {
  readonly #deps: GateDeps;

  constructor(deps: GateDeps) {
    this.#deps = deps;
  }

  async open(asked: Asked, { asker, gone }: Waiting): Promise<Opened> {
    const host = parseHost(asked.host);
    if (host.kind === 'refused') return this.refuse(asked, denied(host.reason));
    const request: EgressRequest = { ...asked, host: host.host };
    const closed = this.#deps.guard.refusePort(request);
    if (closed !== null) return this.refuse(request, denied(closed));
    const verdict = await this.#decide(request, asker);
    if (verdict.kind === 'refuse') return this.refuse(request, denied(verdict.reason, verdict.needed, verdict.rule));
    const found = await this.#deps.guard.addressesOf(request, host, gone);
    if (found.kind === 'refused') return this.refuse(request, { ...found.refusal, rule: verdict.rule });
    const connected = await this.#connect(request, found.addresses, verdict.rule, gone);
    return connected.kind === 'refused' ? connected : { kind: 'open', socket: connected.socket, host };
  }

  async #decide(request: EgressRequest, asker: AbortSignal): Promise<EgressVerdict> {
    const { options, limits } = this.#deps;
    const refuse = (reason: string): EgressVerdict => ({ kind: 'refuse', rule: null, reason, needed: null });
    try {
      const verdict = await within(limits.decisionMs, asker, async (signal) => options.decide(request, signal));
      return verdict ?? refuse('nobody decided in time');
    } catch {
      return refuse('the rules could not be asked');
    }
  }

  async #connect(
    request: EgressRequest,
    addresses: readonly string[],
    rule: RuleHit | null,
    gone: AbortSignal,
  ): Promise<{ readonly kind: 'open'; readonly socket: Socket } | (Opened & { readonly kind: 'refused' })> {
    const { limits, dial } = this.#deps;
    const attempts = addresses.slice(0, limits.attempts);
    const before = (address: string): boolean => this.#recorded({ request, address, rule, refusal: null });
    const result = await connectTo({ attempts, port: request.port, limits, dial, before }, gone);
    if (result.kind === 'open') return result;
    return { kind: 'refused', refusal: REFUSAL_OF[result.why] };
  }

  /** A refusal that cannot be recorded stays a refusal. */
  refuse(request: Asked, refusal: Refusal): Opened & { readonly kind: 'refused' } {
    const recorded = this.#recorded({ request, address: null, rule: refusal.rule, refusal });
    return { kind: 'refused', refusal: recorded ? refusal : UNRECORDED };
  }

  #recorded({ request, address, rule, refusal }: Decided): boolean {
    const entry: EgressEntry = {
      kind: 'egress',
      protocol: request.protocol,
      host: shown(request.host),
      port: request.port,
      address,
      decision: refusal === null ? 'allow' : 'refuse',
      rule,
      reason: refusal?.reason ?? null,
    };
    try {
      this.#deps.options.record(entry);
      return true;
    } catch {
      return false;
    }
  }
}

interface Decided {
  readonly request: Asked;
  readonly address: string | null;
  readonly rule: RuleHit | null;
  readonly refusal: Refusal | null;
}

const UNRECORDED = failed(503, 'the record cannot be written');
const REFUSAL_OF = {
  late: failed(504, 'the host does not answer in time'),
  unreachable: failed(502, 'the host cannot be reached'),
  unrecorded: UNRECORDED,
} as const;

/** Spellings that were refused may hold anything: what a terminal could obey is shown as its code. */
const shown = (host: string): string =>
  host.slice(0, SHOWN_HOST).replaceAll(/[^\x21-\x7e]/g, (one) => `%${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
