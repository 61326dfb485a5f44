/**
 * A mark that every process of a session inherits and `env -i`, setsid and double forks do not shed: the soft limit
 * RLIMIT_LOCKS, which Linux keeps, copies on fork, shows in /proc/PID/limits and has not enforced since 2.4.
 * A tag is seven digits of the daemon followed by eight of the session.
 */
import type { Libc } from './libc.ts';

export interface Tags {
  /** the digits that all tags of this daemon begin with */
  readonly prefix: string;
  /** false where the hard limit forbids tags: trees are then followed by ancestry alone */
  readonly available: boolean;
  next(): string;
  /** runs `body` while this process carries `tag`, so that a child born meanwhile inherits it */
  wear<T>(tag: string, body: () => T): T;
}

const RLIMIT_LOCKS = 10;
const SESSION_DIGITS = 8;

export function createTags(libc: Libc, prefix: string): Tags {
  const original = Buffer.alloc(16);
  libc.getrlimit(RLIMIT_LOCKS, original);
  const hard = original.readBigUInt64LE(8);
  const available = hard >= BigInt(`9999999${'9'.repeat(SESSION_DIGITS)}`);
  const worn = Buffer.from(original);
  let issued = 0;
  return {
    prefix,
    available,
    next: () => {
      issued += 1;
      return `${prefix}${String(issued).padStart(SESSION_DIGITS, '0')}`;
    },
    wear: (tag, body) => {
      if (!available) return body();
      worn.writeBigUInt64LE(BigInt(tag), 0);
      libc.setrlimit(RLIMIT_LOCKS, worn);
      try {
        return body();
      } finally {
        libc.setrlimit(RLIMIT_LOCKS, original);
      }
    },
  };
}

export function newTagPrefix(): string {
  return String(1_000_000 + ((crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % 9_000_000));
}

/** The tag in the text of /proc/PID/limits, or undefined. */
export function tagIn(limits: string): string | undefined {
  const at = limits.indexOf('Max file locks');
  if (at < 0) return undefined;
  const match = /^\d{15}(?=\s)/.exec(limits.slice(at + 14, at + 80).trimStart());
  return match?.[0];
}
