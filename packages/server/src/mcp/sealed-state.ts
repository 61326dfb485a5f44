/**
 * The state of a question on its way through the client: encrypted, bound to who asked what, with an end, and opened
 * once. The key lives as long as the process, so a restart makes every open question void.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { DoorLimits } from './limits.ts';

export interface QuestionBinding {
  readonly principal: string;
  readonly method: string;
  /** the tool or prompt */
  readonly name: string;
  /** SHA-256 of the arguments, hexadecimal */
  readonly digest: string;
}

export interface SealedStates {
  /** at the bound the oldest question of this principal is void, then the oldest of all */
  seal(state: string, binding: QuestionBinding): string;
  /** undefined for anything but an open, unexpired state of the same binding; it is used up then */
  open(sealed: string, binding: QuestionBinding): string | undefined;
  readonly size: number;
}

interface Open {
  readonly principal: string;
  readonly expiresAt: number;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const MAX_SEALED_LENGTH = 256 * 1024;

export function createSealedStates(limits: DoorLimits): SealedStates {
  const key = randomBytes(32);
  const open = new Map<string, Open>();

  function makeRoom(principal: string, now: number): void {
    for (const [id, entry] of open) if (entry.expiresAt <= now) open.delete(id);
    const own = [...open].filter(([, entry]) => entry.principal === principal);
    const [oldestOwn] = own[0] ?? [];
    if (own.length >= limits.questionsPerPrincipal && oldestOwn !== undefined) open.delete(oldestOwn);
    const [oldest] = open.keys();
    if (open.size >= limits.questions && oldest !== undefined) open.delete(oldest);
  }

  return {
    get size() {
      return open.size;
    },
    seal(state, binding) {
      const now = Date.now();
      makeRoom(binding.principal, now);
      const iv = randomBytes(IV_BYTES);
      const id = iv.toString('base64url');
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(boundBytes(binding));
      const sealed = Buffer.concat([iv, cipher.update(state, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      open.set(id, { principal: binding.principal, expiresAt: now + limits.questionTtlMs });
      return sealed.toString('base64url');
    },
    open(sealed, binding) {
      if (sealed.length > MAX_SEALED_LENGTH || !/^[\w-]+$/.test(sealed)) return undefined;
      const bytes = Buffer.from(sealed, 'base64url');
      // A second spelling of the same bytes would be a second key to the same lock.
      if (bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined;
      const state = decrypt(key, bytes, binding);
      const id = bytes.subarray(0, IV_BYTES).toString('base64url');
      const entry = open.get(id);
      if (state === undefined || entry === undefined || entry.expiresAt <= Date.now()) return undefined;
      open.delete(id);
      return state;
    },
  };
}

function decrypt(key: Buffer, bytes: Buffer, binding: QuestionBinding): string | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(boundBytes(binding))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

function boundBytes({ principal, method, name, digest }: QuestionBinding): Buffer {
  return Buffer.from(JSON.stringify([principal, method, name, digest]), 'utf8');
}
