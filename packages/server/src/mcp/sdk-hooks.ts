/** The SDK tells what happens through properties that hold one function each: this is the one place that sets them. */
import type { Transport } from '@modelcontextprotocol/server';

type Hooks = Pick<Transport, 'onclose' | 'onerror' | 'onmessage'>;

export function setHooks<Target extends Partial<Hooks>>(
  target: Target,
  hooks: Partial<Pick<Target, keyof Hooks>>,
): void {
  Object.assign(target, hooks);
}
