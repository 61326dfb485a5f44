/** Where faults go that no caller can be told in full: one JSON line each on standard error, without a secret. */
import type { ReportFault } from '@agentbox/control-plane';
import { AgentboxError } from '@agentbox/protocol';

/** What another program says of its failure may quote what it was given. */
const TOKEN = /abx_[0-9a-f]{64}/g;

export function reportFaultsTo(stream: NodeJS.WritableStream, clock: () => number): ReportFault {
  return (what, facts, fault) => {
    const code = fault instanceof AgentboxError ? fault.code : undefined;
    const cause = fault instanceof Error ? fault.message : String(fault);
    const line = JSON.stringify({ at: new Date(clock()).toISOString(), fault: what, ...facts, code, cause });
    stream.write(`${line.replaceAll(TOKEN, 'abx_[hidden]')}\n`);
  };
}
