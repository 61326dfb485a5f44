/** What a rule file says: prefix rules, network rules, and which files may bear the name of a program. */
import type { Position } from '../problem.ts';

export type Decision = 'allow' | 'prompt' | 'forbidden';

/** The stricter a decision, the greater. */
export const STRICTNESS: Readonly<Record<Decision, number>> = { allow: 0, prompt: 1, forbidden: 2 };

export const isDecision = (text: string): text is Decision => Object.hasOwn(STRICTNESS, text);

/** Whose file it is; later ones in this list come later in the policy. */
export const LAYERS = ['team', 'user', 'project'] as const;
export type Layer = (typeof LAYERS)[number];

/** Where a rule was written: the call of prefix_rule(), even inside a function. */
export interface Origin extends Position {
  readonly file: string;
  readonly layer: Layer;
}

export interface PrefixRule {
  /** the first word, exact */
  readonly head: string;
  /** what each further word may be */
  readonly rest: readonly (readonly string[])[];
  readonly decision: Decision;
  readonly justification: string | null;
  readonly origin: Origin;
}

export type Protocol = 'http' | 'https' | 'socks5_tcp' | 'socks5_udp';

export interface NetworkRule {
  /** lower case, without port and final dots */
  readonly host: string;
  /** as written behind the host; null when none was */
  readonly port: number | null;
  readonly protocol: Protocol;
  readonly decision: Decision;
  readonly justification: string | null;
  readonly origin: Origin;
}

/** The files that may bear a name; none means: no file may. */
export interface HostExecutable {
  readonly name: string;
  readonly paths: readonly string[];
}

export interface Example {
  readonly argv: readonly string[];
  readonly isWanted: boolean;
}

/** The rules of one call of prefix_rule() with the examples that must hold for them alone. */
export interface Claim {
  readonly rules: readonly PrefixRule[];
  readonly examples: readonly Example[];
  readonly origin: Origin;
}

/** One file that was read without a problem. */
export interface RuleFile {
  readonly name: string;
  readonly layer: Layer;
  readonly claims: readonly Claim[];
  readonly networkRules: readonly NetworkRule[];
  readonly hostExecutables: readonly HostExecutable[];
}
