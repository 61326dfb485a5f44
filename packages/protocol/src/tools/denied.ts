/** Programs that policy refused to a command, as an answer tells of them. */
import { z } from 'zod';

export const deniedExecs = z
  .array(
    z.strictObject({
      file: z.string(),
      argv: z.array(z.string()),
      rule: z
        .strictObject({ source: z.string(), line: z.int().nullable(), justification: z.string().nullable() })
        .nullable()
        .describe('Where it was decided.'),
      reason: z.string(),
    }),
  )
  .describe('Programs that policy refused to the command.');
