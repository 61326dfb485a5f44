/** The refusal of a configuration: one line for each problem. */
import { AgentboxError } from '@agentbox/protocol';

export function invalid(problems: readonly string[]): AgentboxError {
  return new AgentboxError('CONFIG_INVALID', problems.join('\n'), { problems });
}
