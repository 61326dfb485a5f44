/** The egress proxy: the only way out of a sandbox. */
export type {
  Egress,
  EgressEntry,
  EgressOptions,
  EgressProtocol,
  EgressRequest,
  EgressVerdict,
  PortList,
} from './contract.ts';
export type { EgressLimits } from './limits.ts';
export { ruleFor } from './refusal.ts';
export { serveEgress } from './serve.ts';
