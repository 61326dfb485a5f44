/** A scenario measures one promise of docs/performance against a baseline of the same run. */
import type { Figure } from './figures.ts';
import type { Stage, StageOptions } from './stage.ts';

export interface Scenario {
  readonly name: string;
  /** `root` is the checkout under test; `stage` starts its product in a home of its own */
  readonly run: (bench: {
    readonly root: string;
    readonly stage: (options?: StageOptions) => Promise<Stage>;
  }) => Promise<readonly Figure[]>;
}
