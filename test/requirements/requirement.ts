/** One thing that agentbox promises. The text is a sentence that a test can prove wrong. */
export interface Requirement {
  readonly text: string;
  /** where the demand comes from: a specification, an observed behaviour, a peer's defect */
  readonly source?: string;
  /** why it is not met yet: its test then runs as an expected failure and goes red when it is met */
  readonly unmet?: string;
}

export type Requirements = Readonly<Record<string, Requirement>>;
