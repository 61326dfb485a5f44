/** What is said to the warden: `VERB ID LENGTH`, a line feed, and LENGTH bytes. */
import { unreachable } from '@agentbox/base';

export type GuardDecision =
  | { readonly kind: 'run' }
  | { readonly kind: 'deny'; readonly text: string }
  | { readonly kind: 'escalate'; readonly environment: Readonly<Record<string, string>> };

/** the warden writes this much of a denial, in `bytes` */
const TEXT_BYTES = 2000;
/** what the warden takes at once, in `bytes` */
const PAYLOAD_BYTES = 4 * 1024 * 1024;

function encode(verb: string, id: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${verb} ${id} ${payload.length}\n`), payload]);
}

/** One line that cannot move a terminal's cursor, cut between characters. */
function denialText(text: string): Buffer {
  const plain = Buffer.from(text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim());
  if (plain.length <= TEXT_BYTES) return plain;
  let end = TEXT_BYTES;
  while (end > 0 && ((plain[end] ?? 0) & 0xc0) === 0x80) end--;
  return plain.subarray(0, end);
}

export function encodeDecision(id: number, decision: GuardDecision): string | Buffer {
  switch (decision.kind) {
    case 'run':
      return `run ${id} 0\n`;
    case 'deny':
      return encode('deny', id, denialText(decision.text));
    case 'escalate': {
      const entries = Object.entries(decision.environment).map(([name, value]) => `${name}=${value}\0`);
      const valid = entries.every((entry) => entry.indexOf('\0') === entry.length - 1);
      const payload = Buffer.from(entries.join(''));
      if (valid && payload.length <= PAYLOAD_BYTES) return encode('escalate', id, payload);
      return encode('deny', id, denialText('the environment for a program outside is not usable'));
    }
    default:
      return unreachable(decision);
  }
}

/** Heads are names of files; one that cannot be such a name is of no program. Too many: all are asked about. */
export function encodeHeads(heads: readonly string[] | 'all'): Buffer {
  const names = heads === 'all' ? '' : heads.filter((head) => head !== '' && !/[\n\0/]/.test(head)).join('\n');
  const payload = Buffer.from(names);
  return heads === 'all' || payload.length > PAYLOAD_BYTES
    ? encode('all', 0, Buffer.alloc(0))
    : encode('heads', 0, payload);
}
