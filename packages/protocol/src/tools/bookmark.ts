/** What a server leaves in the box about a session: where its caller reads on after a restart, and in which form. */
import { z } from 'zod';
import { OUTPUT_FORMATS } from './exec-command.ts';

const bookmark = z.strictObject({
  cursor: z.int().min(0),
  stderrCursor: z.int().min(0),
  format: z.enum(OUTPUT_FORMATS),
});

export type Bookmark = Readonly<z.output<typeof bookmark>>;

export function writeBookmark({ cursor, stderrCursor, format }: Bookmark): string {
  return JSON.stringify({ cursor, stderrCursor, format });
}

/** Undefined for what no server of ours wrote. */
export function parseBookmark(text: string): Bookmark | undefined {
  try {
    return bookmark.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
