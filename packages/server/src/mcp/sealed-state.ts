/**
 * The state of a question on its way through the client: encrypted, bound to who asked what, with an end, and opened
 * once. What outlives the server may be opened after a restart too, where the key is kept: once by each server, so that
 * whoever seals it makes sure that a second opening does nothing.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod';
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
  seal(state: string, binding: QuestionBinding, outlivesServer: boolean): string;
  /** undefined for anything but an open, unexpired state of the same binding; it is used up then */
  open(sealed: string, binding: QuestionBinding): string | undefined;
  readonly size: number;
}

/** who sealed it, until when it may be opened, whether by another server, and what it is */
const Sealed = z.tuple([z.string(), z.number(), z.boolean(), z.string()]);

interface Open {
  readonly principal: string;
  readonly expiresAt: number;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const MAX_SEALED_LENGTH = 256 * 1024;
export const KEY_BYTES = 32;

export function createSealedStates(limits: DoorLimits, key: Buffer = randomBytes(KEY_BYTES)): SealedStates {
  const self = randomBytes(IV_BYTES).toString('base64url');
  const open = new Map<string, Open>();
  /** opened here and sealed by another server, with their ends */
  const foreign = new Map<string, number>();

  function takeForeign(id: string, expiresAt: number, now: number): boolean {
    for (const [known, end] of foreign) if (end <= now) foreign.delete(known);
    if (foreign.has(id)) return false;
    const [oldest] = foreign.keys();
    if (foreign.size >= limits.questions && oldest !== undefined) foreign.delete(oldest);
    foreign.set(id, expiresAt);
    return true;
  }

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
    seal(state, binding, outlivesServer) {
      const now = Date.now();
      makeRoom(binding.principal, now);
      const iv = randomBytes(IV_BYTES);
      const id = iv.toString('base64url');
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(boundBytes(binding));
      const expiresAt = now + limits.questionTtlMs;
      const content = JSON.stringify([self, expiresAt, outlivesServer, state] satisfies z.input<typeof Sealed>);
      const sealed = Buffer.concat([iv, cipher.update(content, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      open.set(id, { principal: binding.principal, expiresAt });
      return sealed.toString('base64url');
    },
    open(sealed, binding) {
      if (sealed.length > MAX_SEALED_LENGTH || !/^[\w-]+$/.test(sealed)) return undefined;
      const bytes = Buffer.from(sealed, 'base64url');
      // A second spelling of the same bytes would be a second key to the same lock.
      if (bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined;
      const content = decrypt(key, bytes, binding);
      if (content === undefined) return undefined;
      const [sealer, expiresAt, outlivesServer, state] = Sealed.parse(JSON.parse(content));
      const now = Date.now();
      if (expiresAt <= now) return undefined;
      const id = bytes.subarray(0, IV_BYTES).toString('base64url');
      const isTaken = sealer === self ? open.delete(id) : outlivesServer && takeForeign(id, expiresAt, now);
      return isTaken ? state : undefined;
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
