/** The bounds of one call. Settled once; nothing below asks again. */
export interface CallLimits {
  /** calls of one principal that run at the same time */
  readonly callsPerPrincipal: number;
  /** calls of everybody that run at the same time */
  readonly calls: number;
  /** arguments as JSON, in characters */
  readonly argumentChars: number;
  /** objects and lists within one another */
  readonly argumentDepth: number;
  /** text of the content, and likewise text of the structured result, in characters */
  readonly inlineChars: number;
  /** a structured result that is still longer after its texts were cut is refused, in characters */
  readonly structuredChars: number;
  /** each argument's value in the record, in characters */
  readonly previewChars: number;
  /** arguments named in the record */
  readonly previewedArguments: number;
  /** `call.finished` records kept in memory while the record cannot be written */
  readonly owedRecords: number;
}

export const CALL_LIMITS: CallLimits = {
  callsPerPrincipal: 64,
  calls: 256,
  argumentChars: 32 * 1024 * 1024,
  argumentDepth: 64,
  inlineChars: 45_000,
  structuredChars: 1024 * 1024,
  previewChars: 200,
  previewedArguments: 32,
  owedRecords: 1024,
};
