/** How much a rule file may ask for. docs/limits.md lists these; test/policy/bounds.test.ts stands at each of them. */

export const BOUNDS = {
  /** UTF-16 units of one file */
  fileChars: 1_048_576,
  /** brackets, blocks and operators inside each other */
  syntaxDepth: 64,
  /** levels of the tree of one expression; a chain of n operators has n */
  treeDepth: 250,
  /** statements, expressions and turns of loops of one file */
  steps: 1_000_000,
  /** characters and elements of all values that one file makes */
  cells: 8_388_608,
  /** calls inside each other */
  callDepth: 50,
  /** expressions and statements being evaluated at once, over all calls */
  evaluationDepth: 500,
  /** lists in lists that are printed, compared or hashed */
  valueDepth: 64,
  /** bits of a number */
  numberBits: 4096,
  /** prefix rules of one file, one for each first word */
  rules: 10_000,
  /** examples of one file */
  examples: 10_000,
} as const;
