/**
 * What the rules come to for one program. `rule` is where it comes from, `by` what kind of judgement that is; a text
 * is a sentence for whoever is refused or asked, without the words "Execution denied".
 */
import type { RuleHit } from '@agentbox/protocol';

type By = 'rule' | 'heuristic' | 'default';

export type Verdict =
  /** inside the sandbox; `reason` says why an allow did not count, or what is odd about the image */
  | { readonly kind: 'run'; readonly by: By; readonly rule: RuleHit | null; readonly reason: string | null }
  /** outside the sandbox */
  | { readonly kind: 'escalate'; readonly rule: RuleHit }
  | {
      readonly kind: 'ask';
      readonly by: By;
      readonly rule: RuleHit | null;
      readonly reason: string;
      readonly runs: 'sandbox' | 'outside';
      /** the prefix that an answer for always may write; null where such a rule would be wrong or without effect */
      readonly proposal: readonly string[] | null;
    }
  | { readonly kind: 'deny'; readonly by: By; readonly rule: RuleHit | null; readonly text: string };

/** What becomes of a program that no rule and no heuristic speaks of. */
export type Unmatched = 'run' | 'ask' | 'deny';
