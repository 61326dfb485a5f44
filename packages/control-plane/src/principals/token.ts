/** A bearer token: `abx_` and 256 random bits in hexadecimal. Its hash is what is kept. */
import { hash } from 'node:crypto';
import type { RandomBytes } from '../clock.ts';

const TOKEN = /^abx_[0-9a-f]{64}$/;

export function newToken(random: RandomBytes): string {
  return `abx_${Buffer.from(random(32)).toString('hex')}`;
}

/** What cannot be a token is not looked up. */
export const isToken = (text: string): boolean => TOKEN.test(text);

export const hashOfToken = (token: string): string => hash('sha256', token);
